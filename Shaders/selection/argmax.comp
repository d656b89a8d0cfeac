#version 460
// The index of the largest element of each row, the lowest of equal ones, NaN counting as −∞; a work-group for each part of a row.
//
// Where a row is one part, its index is the result. Otherwise parts leave their largest element and its index, and a second dispatch finds
// the largest of those.
#include "common/arguments.glsl"
#include "common/reduce.glsl"

// Whether parts of rows are left in `parts`, and whether they are what is compared.
layout(constant_id = 5) const bool LEAVES_PARTS = false;
layout(constant_id = 6) const bool TAKES_PARTS = false;

// A part's largest element and its index.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Parts { uvec2 value; };

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Integers result;
    // Any buffer where rows are one part.
    Parts parts;
    uint rows;
    // The elements of a row, or its parts where they are compared.
    uint channels;
    uint partCount;
    uint partChannels;
    CHECK_BLOCK
} arguments;

#define LEAST uintBitsToFloat(0xFF800000u)
// Loads of an invocation in flight.
const uint DEPTH = 4;

shared uint groupIndices[256];

void main() {
    uint row = linearGroup() / arguments.partCount;
    uint part = linearGroup() % arguments.partCount;
    if (row >= arguments.rows) return;
    uint start = row * arguments.channels;
    uint end = min((part + 1u) * arguments.partChannels, arguments.channels);
    float best = LEAST;
    uint where = 0xFFFFFFFFu;
    for (uint c = part * arguments.partChannels + gl_LocalInvocationID.x; c < end; c += DEPTH * gl_WorkGroupSize.x) {
        float x[DEPTH];
        uint indices[DEPTH];
        [[unroll]] for (uint d = 0; d < DEPTH; d++) {
            // Beyond the end, the last of the part again: a later one of equal elements, which changes nothing.
            uint channel = min(c + d * gl_WorkGroupSize.x, end - 1u);
            if (TAKES_PARTS) {
                uvec2 found = arguments.parts[AT(2u, start + channel, 8u)].value;
                x[d] = uintBitsToFloat(found.x);
                indices[d] = found.y;
            } else {
                x[d] = LOAD(arguments.x, 0u, start + channel);
                x[d] = isnan(x[d]) ? LEAST : x[d];
                indices[d] = channel;
            }
        }
        [[unroll]] for (uint d = 0; d < DEPTH; d++) {
            bool better = x[d] > best || (x[d] == best && indices[d] < where);
            best = better ? x[d] : best;
            where = better ? indices[d] : where;
        }
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
    if (gl_LocalInvocationID.x != 0u) return;
    if (LEAVES_PARTS) arguments.parts[AT(2u, linearGroup(), 8u)].value = uvec2(floatBitsToUint(most), first);
    else arguments.result[AT(1u, row, 4u)].value = int(first);
}
