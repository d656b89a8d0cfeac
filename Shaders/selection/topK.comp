#version 460
// The `selected` largest elements of each row, descending, of equal ones the lower index first; NaN is taken for −∞. A work-group
// for each row: bisection over the keys finds the smallest that belongs, the invocations collect theirs in order of the index,
// and each element's rank is counted among the collected.
#include "common/arguments.glsl"
#include "common/ordering.glsl"
#include "common/reduce.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats values;
    Integers indices;
    uint rows;
    uint channels;
    uint selected;
    CHECK_BLOCK
} arguments;

shared uint keys[256];
shared uint places[256];
shared uint totals[256];

// As argmax compares: NaN as −∞, and both zeros alike.
uint elementKey(uint index) {
    float x = arguments.x[AT(0u, index, 4u)].value;
    return isnan(x) ? orderedKey(uintBitsToFloat(0xFF800000u)) : orderedKey(x == 0.0 ? 0.0 : x);
}

uint groupCount(uint n) {
    uint total = subgroupAdd(n);
    if (ONE_SUBGROUP) return total;
    barrier();
    if (subgroupElect()) totals[gl_SubgroupID] = total;
    barrier();
    total = 0u;
    for (uint i = 0; i < gl_NumSubgroups; i++) total += totals[i];
    return total;
}

// The sum over the invocations before this one.
uint countBefore(uint n) {
    uint before = subgroupExclusiveAdd(n);
    if (ONE_SUBGROUP) return before;
    barrier();
    uint total = subgroupAdd(n);
    if (subgroupElect()) totals[gl_SubgroupID] = total;
    barrier();
    for (uint i = 0; i < gl_SubgroupID; i++) before += totals[i];
    return before;
}

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint start = row * arguments.channels;
    // Each invocation has a stretch of its own, so that their order is that of the indices.
    uint self = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
    uint stretch = (arguments.channels + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
    uint first = min(self * stretch, arguments.channels);
    uint end = min(first + stretch, arguments.channels);

    uint threshold = 0u;
    for (int bit = 31; bit >= 0; bit--) {
        uint candidate = threshold | (1u << bit);
        uint above = 0u;
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            above += elementKey(start + c) >= candidate ? 1u : 0u;
        }
        if (groupCount(above) >= arguments.selected) threshold = candidate;
    }

    uint larger = 0u;
    uint equal = 0u;
    for (uint c = first; c < end; c++) {
        uint key = elementKey(start + c);
        larger += key > threshold ? 1u : 0u;
        equal += key == threshold ? 1u : 0u;
    }
    uint allLarger = groupCount(larger);
    uint largerPlace = countBefore(larger);
    uint equalPlace = allLarger + countBefore(equal);
    for (uint c = first; c < end; c++) {
        uint key = elementKey(start + c);
        uint place = key > threshold ? largerPlace++ : (key == threshold ? equalPlace++ : arguments.selected);
        if (place < arguments.selected) {
            keys[place] = key;
            places[place] = c;
        }
    }
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < arguments.selected; i += gl_WorkGroupSize.x) {
        uint key = keys[i];
        uint place = places[i];
        uint rank = 0u;
        for (uint j = 0; j < arguments.selected; j++) {
            rank += keys[j] > key || (keys[j] == key && places[j] < place) ? 1u : 0u;
        }
        uint index = row * arguments.selected + rank;
        arguments.values[AT(1u, index, 4u)].value = keyValue(key);
        arguments.indices[AT(2u, index, 4u)].value = int(place);
    }
}
