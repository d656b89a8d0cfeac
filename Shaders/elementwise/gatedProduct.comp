#version 460
// activation(gate) · up
#include "common/arguments.glsl"
#include "common/activations.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats gate;
    Floats up;
    Floats result;
    uint count;
    uint activation;
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        float gate = arguments.gate[AT(0u, i, 4u)].value;
        float up = arguments.up[AT(1u, i, 4u)].value;
        arguments.result[AT(2u, i, 4u)].value = activated(gate, arguments.activation) * up;
    }
}
