// variants: WIDTH = 1 4
#version 460
// The last step of groupNorm: y = residual + activated((x − mean)·scale + offset + shift), with a pointwise map before or after
// the activation. Invocations are laid out as in norm/channelMoments, so that each goes over pixels of the same channels.
#include "common/arguments.glsl"
#include "common/activations.glsl"
#include "common/transport.glsl"

#if WIDTH == 4
#define VALUE vec4
#define LOAD_VALUE LOAD4
#define LOAD_RESIDUAL_VALUE LOAD_RESIDUAL4
#define STORE_VALUE STORE4
#else
#define VALUE float
#define LOAD_VALUE LOAD
#define LOAD_RESIDUAL_VALUE LOAD_RESIDUAL
#define STORE_VALUE STORE
#endif

#define HAS_RESIDUAL 1u
#define MAPS_BEFORE_ACTIVATION 2u
#define TRANSPORT_SLOT 4u

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // [images, channels]: mean, scale, offset, shift.
    Float4s scales;
    Floats residual;
    Floats result;
    TRANSPORT_ADDRESSES
    uint pixels;
    uint channels;
    uint stretch;
    uint stretches;
    uint images;
    uint activation;
    uint flags;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

float finished(float x, vec4 scales, uint row, uint channel) {
    float y = shifted((x - scales.x) * scales.y + scales.z, scales.w);
    bool isBefore = (arguments.flags & MAPS_BEFORE_ACTIVATION) != 0u;
    if (isBefore) y = transported(y, row, channel, arguments.channels);
    y = activated(y, arguments.activation);
    if (!isBefore) y = transported(y, row, channel, arguments.channels);
    return y;
}

void main() {
    uint units = arguments.channels / WIDTH;
    uint unitGroups = (units + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
    uint group = linearGroup();
    uint unit = group % unitGroups * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint part = group / unitGroups;
    if (part >= arguments.images * arguments.stretches || unit >= units) return;
    uint image = part / arguments.stretches;
    uint first = part % arguments.stretches * arguments.stretch;
    uint end = min(first + arguments.stretch, arguments.pixels);

    vec4 scales[WIDTH];
    [[unroll]] for (uint i = 0; i < WIDTH; i++) {
        scales[i] = arguments.scales[AT(1u, image * arguments.channels + unit * WIDTH + i, 16u)].value;
    }
    for (uint pixel = first + gl_LocalInvocationID.y; pixel < end; pixel += gl_WorkGroupSize.y) {
        uint row = image * arguments.pixels + pixel;
        uint place = row * units + unit;
        VALUE y = LOAD_VALUE(arguments.x, 0u, place);
#if WIDTH == 4
        [[unroll]] for (uint i = 0; i < 4u; i++) y[i] = finished(y[i], scales[i], row, unit * 4u + i);
#else
        y = finished(y, scales[0], row, unit);
#endif
        if ((arguments.flags & HAS_RESIDUAL) != 0u) y += LOAD_RESIDUAL_VALUE(arguments.residual, 2u, place);
        STORE_VALUE(arguments.result, 3u, place, y)
    }
}
