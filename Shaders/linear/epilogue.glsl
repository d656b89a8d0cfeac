// The arguments of the linear kernels, and what happens to a finished sum: bias, activation, transport, residual, store.
#pragma once
#include "common/activations.glsl"
#include "common/registers.glsl"
#include "common/transport.glsl"

#define HAS_BIAS 1u
#define HAS_RESIDUAL 2u
#define TRANSPORT_SLOT 3u

// What a kernel needs besides.
#ifndef EXTRA_NUMBERS
#define EXTRA_NUMBERS
#endif

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    WeightBlocks weight;
    Floats result;
    TRANSPORT_ADDRESSES
    // The bias and the residual, or any buffer where `flags` says that there are none.
    Floats bias;
    Floats residual;
    uint rows;
    // The elements of a row of x.
    uint channels;
    // The elements of a row of the result.
    uint outputs;
    uint activation;
    uint flags;
    TRANSPORT_NUMBERS
    EXTRA_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

void finish(uint row, uint column, float sum) {
    if (row >= arguments.rows || column >= arguments.outputs) return;
    uint index = row * arguments.outputs + column;
    float y = sum;
    if ((arguments.flags & HAS_BIAS) != 0u) y += arguments.bias[AT(6u, column, 4u)].value;
    y = transported(activated(y, arguments.activation), row, column, arguments.outputs);
    if ((arguments.flags & HAS_RESIDUAL) != 0u) y += LOAD_RESIDUAL(arguments.residual, 7u, index);
    STORE(arguments.result, 2u, index, y)
}
