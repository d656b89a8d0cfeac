#version 460
// Attention from its parts over disjoint keys, which weigh e^(m − M) each: m the largest score of the part, M that of all.
#include "common/arguments.glsl"
#include "common/functions.glsl"
#include "attention/partials.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats partials;
    Floats result;
    uint count;
    uint channels;
    uint splits;
    CHECK_BLOCK
} arguments;

void main() {
    uint rows = arguments.count / arguments.channels;
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint row = i / arguments.channels;
        uint column = i % arguments.channels;
        float largest = -3.402823466e38;
        float weight = 0.0;
        float sum = 0.0;
        for (uint split = 0; split < arguments.splits; split++) {
            uint partial = (split * rows + row) * (arguments.channels + PARTIAL_HEAD);
            float score = arguments.partials[AT(0u, partial, 4u)].value;
            float maximum = max(largest, score);
            float decay = exponential(largest - maximum);
            float factor = exponential(score - maximum);
            weight = weight * decay + arguments.partials[AT(0u, partial + 1u, 4u)].value * factor;
            sum = sum * decay + arguments.partials[AT(0u, partial + PARTIAL_HEAD + column, 4u)].value * factor;
            largest = maximum;
        }
        STORE(arguments.result, 1u, i, weight == 0.0 ? 0.0 : sum / weight)
    }
}
