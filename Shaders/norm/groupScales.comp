#version 460
// The second step of groupNorm, a work-group for each group of an image: from the moments of its channels over stretches of pixels to
// what the last step does with each channel, y = (x − mean)·scale + offset, and the shift of a channelMean map.
#include "common/arguments.glsl"
#define VALUE float
#include "norm/moments.glsl"
#include "common/transport.glsl"

#define HAS_GAIN 1u
#define HAS_BIAS 2u
#define TRANSPORT_SLOT 4u

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer MeansAndSquares { vec2 value; };

layout(push_constant, scalar) uniform Arguments {
    // [images, stretches, channels]
    MeansAndSquares moments;
    // Gain and bias, or any buffer where `flags` says that there are none.
    Floats gain;
    Floats bias;
    // [images, channels]: mean, scale, offset, shift.
    Float4s result;
    TRANSPORT_ADDRESSES
    uint pixels;
    uint channels;
    uint stretch;
    uint stretches;
    uint images;
    uint groups;
    float epsilon;
    uint flags;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

shared Moments parts[256];

void main() {
    uint group = linearGroup();
    if (group >= arguments.images * arguments.groups) return;
    uint image = group / arguments.groups;
    uint groupChannels = arguments.channels / arguments.groups;
    uint firstChannel = group % arguments.groups * groupChannels;

    // Channels side by side; the invocations of a channel share its stretches.
    uint self = gl_LocalInvocationIndex;
    uint width = min(groupChannels, gl_WorkGroupSize.x);
    uint height = gl_WorkGroupSize.x / width;
    uint x = self % width;
    uint y = self / width;
    Moments all = noMoments();
    for (uint first = 0; first < groupChannels; first += width) {
        uint channel = firstChannel + first + x;
        bool isInside = y < height && first + x < groupChannels;
        Moments own = noMoments();
        for (uint s = isInside ? y : arguments.stretches; s < arguments.stretches; s += height) {
            uint start = s * arguments.stretch;
            float count = float(min(arguments.stretch, arguments.pixels - start));
            vec2 moments =
                arguments.moments[AT(0u, (image * arguments.stretches + s) * arguments.channels + channel, 8u)].value;
            own = combined(own, Moments(count, moments.x, moments.y));
        }
        parts[self] = own;
        barrier();
        if (isInside && y == 0u) {
            for (uint i = 1; i < height; i++) own = combined(own, parts[i * width + x]);
            parts[self] = own;
            // Read again by the invocation that writes it.
            arguments.result[AT(3u, image * arguments.channels + channel, 16u)].value.x = own.mean;
        }
        barrier();
        for (uint i = 0; i < min(width, groupChannels - first); i++) all = combined(all, parts[i]);
        barrier();
    }

    float inverse = 1.0 / sqrt(all.squares / all.count + arguments.epsilon);
    if (y > 0u) return;
    for (uint c = x; c < groupChannels; c += width) {
        uint channel = firstChannel + c;
        uint place = image * arguments.channels + channel;
        float scale = inverse;
        if ((arguments.flags & HAS_GAIN) != 0u) scale *= arguments.gain[AT(1u, channel, 4u)].value;
        float offset = (arguments.flags & HAS_BIAS) != 0u ? arguments.bias[AT(2u, channel, 4u)].value : 0.0;
        // The norm is affine in x: so is the mean of its result over the pixels.
        float z = (arguments.result[AT(3u, place, 16u)].value.x - all.mean) * scale + offset;
        float shift = channelShift(z, image * arguments.pixels, channel, arguments.channels);
        arguments.result[AT(3u, place, 16u)].value = vec4(all.mean, scale, offset, shift);
    }
}
