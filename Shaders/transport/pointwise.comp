#version 460
// One map over every row of an activation, and then a pointwise function.
#include "common/arguments.glsl"
#include "common/activations.glsl"
#include "common/transport.glsl"

#define TRANSPORT_SLOT 2u

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    TRANSPORT_ADDRESSES
    uint count;
    uint channels;
    uint activation;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        float x = LOAD(arguments.x, 0u, i);
        float y = transported(x, i / arguments.channels, i % arguments.channels, arguments.channels);
        STORE(arguments.result, 1u, i, activated(y, arguments.activation))
    }
}
