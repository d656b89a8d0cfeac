// variants: HELD = 0 1
#version 460
// Norms over the channels of a row, a work-group for each row, and then a map:
//     y = gain · x / √(mean(x²) + ε)                          (rmsNorm)
//     y = gain · (x − mean(x)) / √(variance(x) + ε) + bias    (layerNorm, CENTRED)
//
// The mean is taken about the first channel, so that that of equal values is exact; what it still loses to rounding is the mean of what
// has been centred (Chan, Golub & LeVeque 1983).
//
// With HELD the row stays in registers, four channels at a time: one read and one write. Without it channels are counted singly and read
// twice.
#include "common/arguments.glsl"
#include "common/reduce.glsl"
#include "common/transport.glsl"
#define VALUE float
#include "norm/moments.glsl"

layout(constant_id = 5) const bool CENTRED = false;
// The quadruples of channels that an invocation holds.
layout(constant_id = 6) const uint QUADS = 1;

#define HAS_GAIN 1u
#define HAS_BIAS 2u
#define TRANSPORT_SLOT 4u

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // Gain and bias, or any buffer where `flags` says that there are none.
    Floats gain;
    Floats bias;
    Floats result;
    TRANSPORT_ADDRESSES
    uint rows;
    uint channels;
    float epsilon;
    uint flags;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

#if HELD

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint quads = arguments.channels / 4u;
    float pivot = CENTRED ? LOAD(arguments.x, 0u, row * arguments.channels) : 0.0;
    vec4 x[QUADS];
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
        uint quad = gl_LocalInvocationID.x + i * gl_WorkGroupSize.x;
        x[i] = quad < quads ? LOAD4(arguments.x, 0u, row * quads + quad) : vec4(pivot);
    }
    if (CENTRED) {
        float sum = 0.0;
        [[unroll]] for (uint i = 0; i < QUADS; i++) {
            vec4 y = x[i] - pivot;
            sum += (y.x + y.y) + (y.z + y.w);
        }
        float mean = pivot + groupSum(sum) / float(arguments.channels);
        [[unroll]] for (uint i = 0; i < QUADS; i++) {
            bool isInside = gl_LocalInvocationID.x + i * gl_WorkGroupSize.x < quads;
            x[i] = isInside ? x[i] - mean : vec4(0.0);
        }
    }
    vec2 sums = vec2(0.0);
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
        if (CENTRED) sums.x += (x[i].x + x[i].y) + (x[i].z + x[i].w);
        sums.y += dot(x[i], x[i]);
    }
    if (CENTRED) sums = groupSum(sums);
    else sums.y = groupSum(sums.y);
    float correction = sums.x / float(arguments.channels);
    float variance = sums.y / float(arguments.channels) - correction * correction;
    float scale = 1.0 / sqrt((variance < 0.0 ? 0.0 : variance) + arguments.epsilon);
    [[unroll]] for (uint i = 0; i < QUADS; i++) {
        uint quad = gl_LocalInvocationID.x + i * gl_WorkGroupSize.x;
        if (quad >= quads) return;
        vec4 y = (x[i] - correction) * scale;
        if ((arguments.flags & HAS_GAIN) != 0u) y *= Float4s(arguments.gain)[AT(1u, quad, 16u)].value;
        if ((arguments.flags & HAS_BIAS) != 0u) y += Float4s(arguments.bias)[AT(2u, quad, 16u)].value;
        if (arguments.maps > 0u) {
            [[unroll]] for (uint j = 0; j < 4u; j++) y[j] = transported(y[j], row, 4u * quad + j, arguments.channels);
        }
        STORE4(arguments.result, 3u, row * quads + quad, y)
    }
}

#else

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint start = row * arguments.channels;
    float mean = 0.0;
    vec2 sums = vec2(0.0);
    if (CENTRED) {
        Moments own = noMoments();
        uint span = gl_WorkGroupSize.x * MOMENTS_BLOCK;
        for (uint first = gl_LocalInvocationID.x; first < arguments.channels; first += span) {
            uint count = min((arguments.channels - first + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x, MOMENTS_BLOCK);
            float values[MOMENTS_BLOCK];
            [[unroll]] for (uint i = 0; i < MOMENTS_BLOCK; i++) {
                values[i] = LOAD(arguments.x, 0u, start + first + min(i, count - 1u) * gl_WorkGroupSize.x);
            }
            own = combined(own, blockMoments(values, count));
        }
        float pivot = LOAD(arguments.x, 0u, start);
        mean = pivot + groupSum(own.count * (own.count > 0.0 ? own.mean - pivot : 0.0)) / float(arguments.channels);
        float difference = own.count > 0.0 ? own.mean - mean : 0.0;
        sums = groupSum(vec2(own.count * difference, own.squares + own.count * difference * difference));
    } else {
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            float x = LOAD(arguments.x, 0u, start + c);
            sums.y += x * x;
        }
        sums.y = groupSum(sums.y);
    }
    float correction = sums.x / float(arguments.channels);
    float variance = sums.y / float(arguments.channels) - correction * correction;
    float scale = 1.0 / sqrt((variance < 0.0 ? 0.0 : variance) + arguments.epsilon);
    for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
        float y = (LOAD(arguments.x, 0u, start + c) - mean - correction) * scale;
        if ((arguments.flags & HAS_GAIN) != 0u) y *= arguments.gain[AT(1u, c, 4u)].value;
        if ((arguments.flags & HAS_BIAS) != 0u) y += arguments.bias[AT(2u, c, 4u)].value;
        STORE(arguments.result, 3u, start + c, transported(y, row, c, arguments.channels))
    }
}

#endif
