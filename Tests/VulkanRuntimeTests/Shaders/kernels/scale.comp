#version 460
// y[i] = factor · x[i]
#include "common/arguments.glsl"
layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats y;
    uint count;
    float factor;
    CHECK_ARGUMENT
} a;
void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= a.count) return;
    if (IN_BOUNDS(a, 0, i) && IN_BOUNDS(a, 1, i)) a.y.at[i] = a.factor * a.x.at[i];
}
