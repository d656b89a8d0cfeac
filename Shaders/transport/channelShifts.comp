#version 460
// The second step of a channelMean map: the shift of each channel of each image, from its means over stretches of pixels.
#include "common/arguments.glsl"
#include "common/transport.glsl"

#define TRANSPORT_SLOT 2u

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer MeansAndSquares { vec2 value; };

layout(push_constant, scalar) uniform Arguments {
    // [images, stretches, channels]
    MeansAndSquares moments;
    // [images, channels]
    Floats result;
    TRANSPORT_ADDRESSES
    uint pixels;
    uint channels;
    uint stretch;
    uint stretches;
    uint images;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

void main() {
    FOR_EACH_ELEMENT(i, arguments.images * arguments.channels) {
        uint image = i / arguments.channels;
        uint channel = i % arguments.channels;
        float count = 0.0;
        float mean = 0.0;
        for (uint s = 0; s < arguments.stretches; s++) {
            float added = float(min(arguments.stretch, arguments.pixels - s * arguments.stretch));
            count += added;
            float part = arguments.moments[AT(0u, (image * arguments.stretches + s) * arguments.channels + channel, 8u)].value.x;
            mean += (part - mean) * (added / count);
        }
        arguments.result[AT(1u, i, 4u)].value = channelShift(mean, image * arguments.pixels, channel, arguments.channels);
    }
}
