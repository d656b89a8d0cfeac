#version 460
// The index of the largest element of each row, the lowest of equal ones, NaN counting as −∞; a work-group for each row.
#include "common/arguments.glsl"
#include "common/reduce.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Integers result;
    uint rows;
    uint channels;
    CHECK_BLOCK
} arguments;

shared uint groupIndices[256];

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint start = row * arguments.channels;
    float best = uintBitsToFloat(0xFF800000u);
    uint where = 0xFFFFFFFFu;
    for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
        float x = LOAD(arguments.x, 0u, start + c);
        x = isnan(x) ? uintBitsToFloat(0xFF800000u) : x;
        bool better = x > best || where == 0xFFFFFFFFu;
        best = better ? x : best;
        where = better ? c : where;
    }
    float most = subgroupMax(best);
    uint first = subgroupMin(best == most ? where : 0xFFFFFFFFu);
    if (!ONE_SUBGROUP) {
        if (subgroupElect()) {
            groupValues[gl_SubgroupID] = most;
            groupIndices[gl_SubgroupID] = first;
        }
        barrier();
        for (uint i = 0; i < gl_NumSubgroups; i++) {
            if (groupValues[i] > most || (groupValues[i] == most && groupIndices[i] < first)) {
                most = groupValues[i];
                first = groupIndices[i];
            }
        }
    }
    if (gl_LocalInvocationID.x == 0u) arguments.result[AT(1u, row, 4u)].value = int(first);
}
