#version 460
// Attention from its parts over disjoint keys, one joined to the sum of those before it (attention/partials.glsl).
//
// An invocation has one channel of one row. Four parts are in flight at once: there are few invocations, and what they wait for
// is memory.
#include "common/arguments.glsl"
#include "attention/partials.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats partials;
    Floats result;
    uint count;
    uint channels;
    uint splits;
    CHECK_BLOCK
} arguments;

const uint DEPTH = 4;

// Where part `split` of a row begins; the last one again beyond it.
uint partialOf(uint split, uint row, uint rows) {
    return (min(split, arguments.splits - 1u) * rows + row) * (arguments.channels + PARTIAL_HEAD);
}

void main() {
    uint rows = arguments.count / arguments.channels;
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint row = i / arguments.channels;
        uint column = i % arguments.channels;
        float largest = -3.402823466e38;
        float weight = 0.0;
        float sum = 0.0;
        [[dont_unroll]] for (uint split = 0; split < arguments.splits; split += DEPTH) {
            // The largest score, the weight and the value.
            vec3 parts[DEPTH];
            [[unroll]] for (uint d = 0; d < DEPTH; d++) {
                uint partial = partialOf(split + d, row, rows);
                parts[d].x = arguments.partials[AT(0u, partial, 4u)].value;
                parts[d].y = arguments.partials[AT(0u, partial + 1u, 4u)].value;
                parts[d].z = arguments.partials[AT(0u, partial + PARTIAL_HEAD + column, 4u)].value;
            }
            [[unroll]] for (uint d = 0; d < DEPTH; d++) {
                if (split + d < arguments.splits) {
                    float maximum;
                    float factor;
                    float partFactor;
                    joinedFactors(largest, parts[d].x, maximum, factor, partFactor);
                    largest = maximum;
                    weight = joined(weight, factor, parts[d].y, partFactor);
                    sum = joined(sum, factor, parts[d].z, partFactor);
                }
            }
        }
        STORE(arguments.result, 1u, i, weight == 0.0 ? 0.0 : sum / weight)
    }
}
