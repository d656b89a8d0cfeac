#version 460
// y = transport(gain · x / √(mean(x²) + ε)), a work-group for each row.
#include "common/arguments.glsl"
#include "common/reduce.glsl"
#include "common/transport.glsl"

#define TRANSPORT_SLOT 3u

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats gain;
    Floats result;
    TRANSPORT_ADDRESSES
    uint rows;
    uint channels;
    float epsilon;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint start = row * arguments.channels;
    float squares = 0.0;
    for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
        float x = LOAD(arguments.x, 0u, start + c);
        squares += x * x;
    }
    float mean = groupSum(squares) / float(arguments.channels);
    float scale = 1.0 / sqrt(mean + arguments.epsilon);
    for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
        float x = LOAD(arguments.x, 0u, start + c);
        float y = arguments.gain[AT(1u, c, 4u)].value * (x * scale);
        STORE(arguments.result, 2u, start + c, transported(y, row, c, arguments.channels))
    }
}
