#version 460
#include "common/arguments.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats a;
    Floats b;
    Floats result;
    uint count;
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        arguments.result[AT(2u, i, 4u)].value = arguments.a[AT(0u, i, 4u)].value + arguments.b[AT(1u, i, 4u)].value;
    }
}
