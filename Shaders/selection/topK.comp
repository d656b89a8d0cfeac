#version 460
// The `selected` largest elements of each row, descending, of equal ones the lower index first; NaN is taken for −∞. A work-group
// for each row: a search over the digits of the keys finds the smallest that belongs, the invocations collect theirs in order of
// the index, and each element's rank is counted among the collected.
//
// More than 256 take several dispatches: each goes on behind the last element of the one before.
#include "common/arguments.glsl"
#include "common/ordering.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // f32, whatever x is.
    Floats values;
    Integers indices;
    uint rows;
    uint channels;
    // Those of this dispatch, those before, and those of all dispatches.
    uint selected;
    uint done;
    uint total;
    CHECK_BLOCK
} arguments;

// As many as 1024 invocations in subgroups of at least 4.
const uint MOST_SUBGROUPS = 256;

shared uint keys[256];
shared uint places[256];
shared uint totals[15 * MOST_SUBGROUPS];

float element(uint index) {
    float x = LOAD(arguments.x, 0u, index);
    return isnan(x) ? uintBitsToFloat(0xFF800000u) : x;
}

// Zeros of both signs are equal.
uint elementKey(uint index) {
    float x = element(index);
    return orderedKey(x == 0.0 ? 0.0 : x);
}

// The last element of the dispatch before.
uint lastKey = 0xFFFFFFFFu;
uint lastPlace = 0u;

// Whether an element of the row stands behind it.
bool isLeft(uint key, uint place) { return arguments.done == 0u || key < lastKey || (key == lastKey && place > lastPlace); }

// The sum over all invocations, and over those before this one.
uvec2 groupSums(uint n) {
    uint before = subgroupExclusiveAdd(n);
    uint own = subgroupAdd(n);
    barrier();
    if (subgroupElect()) totals[gl_SubgroupID] = own;
    barrier();
    uint total = 0u;
    for (uint i = 0; i < gl_NumSubgroups; i++) {
        if (i == gl_SubgroupID) before += total;
        total += totals[i];
    }
    return uvec2(total, before);
}

// The key of the element that is number `selected` from the top: four bits at a time from the highest, the largest digit that
// leaves at least so many keys at or above it.
uint smallestSelected() {
    uint prefix = 0u;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint counts[15];
        [[unroll]] for (uint d = 0; d < 15; d++) counts[d] = 0u;
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            uint key = elementKey(linearGroup() * arguments.channels + c);
            // A key that is no longer there counts for no digit.
            uint digits = isLeft(key, c) ? key >> shift : 0u;
            [[unroll]] for (uint d = 0; d < 15; d++) counts[d] += digits >= (prefix << 4) + d + 1u ? 1u : 0u;
        }
        barrier();
        [[unroll]] for (uint d = 0; d < 15; d++) {
            uint own = subgroupAdd(counts[d]);
            if (subgroupElect()) totals[d * MOST_SUBGROUPS + gl_SubgroupID] = own;
        }
        barrier();
        uint digit = 0u;
        [[unroll]] for (uint d = 0; d < 15; d++) {
            uint total = 0u;
            for (uint i = 0; i < gl_NumSubgroups; i++) total += totals[d * MOST_SUBGROUPS + i];
            digit += total >= arguments.selected ? 1u : 0u;
        }
        prefix = (prefix << 4) + digit;
    }
    return prefix;
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

    if (arguments.done > 0u) {
        uint last = row * arguments.total + arguments.done - 1u;
        float value = arguments.values[AT(1u, last, 4u)].value;
        lastKey = orderedKey(value == 0.0 ? 0.0 : value);
        lastPlace = uint(arguments.indices[AT(2u, last, 4u)].value);
    }
    uint threshold = smallestSelected();
    uint larger = 0u;
    uint equal = 0u;
    for (uint c = first; c < end; c++) {
        uint key = elementKey(start + c);
        bool left = isLeft(key, c);
        larger += left && key > threshold ? 1u : 0u;
        equal += left && key == threshold ? 1u : 0u;
    }
    uvec2 largerSums = groupSums(larger);
    uint largerPlace = largerSums.y;
    uint equalPlace = largerSums.x + groupSums(equal).y;
    for (uint c = first; c < end; c++) {
        uint key = elementKey(start + c);
        if (key < threshold || !isLeft(key, c)) continue;
        uint place = key > threshold ? largerPlace : equalPlace;
        largerPlace += key > threshold ? 1u : 0u;
        equalPlace += key == threshold ? 1u : 0u;
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
        uint index = row * arguments.total + arguments.done + rank;
        arguments.values[AT(1u, index, 4u)].value = element(start + place);
        arguments.indices[AT(2u, index, 4u)].value = int(place);
    }
}
