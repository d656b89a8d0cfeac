// variants: WIDTH = 1 4
#version 460
// The first step of what needs all pixels of an image: mean and squares of each channel over stretches of its pixels.
//
// A work-group has WIDTH channels an invocation along x and, along y, invocations that share a stretch. Rows are channels last, so
// that neighbours along x read neighbours in memory.
#include "common/arguments.glsl"
#if WIDTH == 4
#define VALUE vec4
#define LOAD_VALUE LOAD4
#else
#define VALUE float
#define LOAD_VALUE LOAD
#endif
#include "norm/moments.glsl"

// Mean and squares of a channel.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer MeansAndSquares { vec2 value; };

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // [images, stretches, channels]
    MeansAndSquares result;
    // The pixels of an image.
    uint pixels;
    uint channels;
    // The pixels of a stretch; the last may have fewer.
    uint stretch;
    uint stretches;
    uint images;
    CHECK_BLOCK
} arguments;

shared Moments parts[256];

void main() {
    uint units = arguments.channels / WIDTH;
    uint unitGroups = (units + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
    uint group = linearGroup();
    uint unit = group % unitGroups * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint part = group / unitGroups;
    if (part >= arguments.images * arguments.stretches) return;
    uint image = part / arguments.stretches;
    uint first = part % arguments.stretches * arguments.stretch;
    uint end = min(first + arguments.stretch, arguments.pixels);

    // Invocations past the last channel keep the others company at the barrier.
    uint source = min(unit, units - 1u);
    Moments moments = noMoments();
    for (uint pixel = first + gl_LocalInvocationID.y * MOMENTS_BLOCK; pixel < end; pixel += gl_WorkGroupSize.y * MOMENTS_BLOCK) {
        uint count = min(end - pixel, MOMENTS_BLOCK);
        VALUE values[MOMENTS_BLOCK];
        [[unroll]] for (uint i = 0; i < MOMENTS_BLOCK; i++) {
            uint row = image * arguments.pixels + pixel + min(i, count - 1u);
            values[i] = LOAD_VALUE(arguments.x, 0u, row * units + source);
        }
        moments = combined(moments, blockMoments(values, count));
    }
    if (gl_WorkGroupSize.y > 1u) {
        parts[gl_LocalInvocationIndex] = moments;
        barrier();
        if (gl_LocalInvocationID.y > 0u) return;
        for (uint y = 1; y < gl_WorkGroupSize.y; y++) {
            moments = combined(moments, parts[y * gl_WorkGroupSize.x + gl_LocalInvocationID.x]);
        }
    }
    if (unit >= units) return;
#if WIDTH == 4
    [[unroll]] for (uint i = 0; i < 4u; i++) {
        arguments.result[AT(1u, part * arguments.channels + 4u * unit + i, 8u)].value = vec2(moments.mean[i], moments.squares[i]);
    }
#else
    arguments.result[AT(1u, part * arguments.channels + unit, 8u)].value = vec2(moments.mean, moments.squares);
#endif
}
