// The arguments of the convolution kernels, how a kernel goes over an axis, and what happens to a finished sum: bias, activation,
// transport, residual, store.
#pragma once
#include "common/activations.glsl"
#include "common/registers.glsl"
#define TRANSPORT_SOURCE epilogue
#include "common/transport.glsl"

#define HAS_BIAS 1u
#define HAS_RESIDUAL 2u
#define TRANSPORT_SLOT 3u

// What push constants have no room for: what happens to finished sums.
struct Epilogue {
    TRANSPORT_ADDRESSES
    // The bias and the residual, or any buffer where `flags` says that there are none.
    Floats bias;
    Floats residual;
    uint activation;
    uint flags;
    TRANSPORT_NUMBERS
};
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer StoredEpilogue { Epilogue value; };

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    WeightBlocks weight;
    Floats result;
    StoredEpilogue epilogue;
    // The pixels of the result, over all images.
    uint pixels;
    uint inputHeight;
    uint inputWidth;
    // The channels of x, and those that an output sees.
    uint channels;
    uint groupInputs;
    uint outputHeight;
    uint outputWidth;
    // The channels of the result.
    uint outputs;
    // Vertical and horizontal.
    uvec2 kernel;
    uvec2 stride;
    uvec2 dilation;
    uvec2 padding;
    // How often pixels of x are repeated.
    uint upsampling;
    CHECK_BLOCK
} arguments;

// Whether the kernel steps over the result and not over x.
layout(constant_id = 4) const bool TRANSPOSED = false;

Epilogue epilogue;

// Before the first sum is finished: registers are not taken while sums are made.
void beginFinish() { epilogue = arguments.epilogue.value; }

DEFINE_TRANSPORT

uint groupOutputs() { return arguments.outputs / (arguments.channels / arguments.groupInputs); }

void finish(uint pixel, uint channel, float sum) {
    if (pixel >= arguments.pixels || channel >= arguments.outputs) return;
    uint index = pixel * arguments.outputs + channel;
    float y = sum;
    if ((epilogue.flags & HAS_BIAS) != 0u) y += epilogue.bias[AT(6u, channel, 4u)].value;
    y = transported(activated(y, epilogue.activation), pixel, channel, arguments.outputs);
    if ((epilogue.flags & HAS_RESIDUAL) != 0u) y += LOAD_RESIDUAL(epilogue.residual, 7u, index);
    STORE(arguments.result, 2u, index, y)
}
