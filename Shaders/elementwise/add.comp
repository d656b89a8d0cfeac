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
        STORE(arguments.result, 2u, i, LOAD(arguments.a, 0u, i) + LOAD(arguments.b, 1u, i))
    }
}
