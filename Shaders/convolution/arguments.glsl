// The arguments of the convolution kernels, how a kernel goes over an axis, and what happens to a finished sum: bias, activation,
// transport, residual, store.
#pragma once
#include "common/activations.glsl"
#include "common/registers.glsl"
#include "common/transport.glsl"

#define HAS_BIAS 1u
#define HAS_RESIDUAL 2u
#define TRANSPORT_SLOT 3u

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    WeightBlocks weight;
    Floats result;
    TRANSPORT_ADDRESSES
    // The bias and the residual, or any buffer where the options say that there are none.
    Floats bias;
    Floats residual;
    // The pixels of the result, over all images.
    uint pixels;
    uint inputHeight;
    uint inputWidth;
    // 16 bits each: the channels of x, and those that an output sees.
    uint channels;
    uint outputHeight;
    uint outputWidth;
    // The channels of the result.
    uint outputs;
    // Two numbers of 16 bits each, the vertical one first.
    uint kernel;
    uint stride;
    uint dilation;
    uint padding;
    // 8 bits of activation, 8 of flags, 16 of upsampling.
    uint options;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

// Whether the kernel steps over the result and not over x.
layout(constant_id = 4) const bool TRANSPOSED = false;

DEFINE_TRANSPORT

uint inputChannels() { return arguments.channels & 0xFFFFu; }
uint groupInputs() { return arguments.channels >> 16; }
uint groupOutputs() { return arguments.outputs / (inputChannels() / groupInputs()); }
// Vertical and horizontal.
uvec2 both(uint packed) { return uvec2(packed & 0xFFFFu, packed >> 16); }

void finish(uint pixel, uint channel, float sum) {
    if (pixel >= arguments.pixels || channel >= arguments.outputs) return;
    uint index = pixel * arguments.outputs + channel;
    float y = sum;
    uint flags = (arguments.options >> 8) & 0xFFu;
    if ((flags & HAS_BIAS) != 0u) y += arguments.bias[AT(6u, channel, 4u)].value;
    y = transported(activated(y, arguments.options & 0xFFu), pixel, channel, arguments.outputs);
    if ((flags & HAS_RESIDUAL) != 0u) y += LOAD(arguments.residual, 7u, index);
    STORE(arguments.result, 2u, index, y)
}
