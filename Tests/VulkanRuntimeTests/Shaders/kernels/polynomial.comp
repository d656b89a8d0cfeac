#version 460
// y[i] = Σ coefficients[j] · x[i]ʲ, with more coefficients than push constants hold.
#include "common/arguments.glsl"
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Coefficients { float at[64]; };
layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats y;
    Coefficients coefficients;
    uint count;
    CHECK_ARGUMENT
} a;
void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= a.count) return;
    if (!IN_BOUNDS(a, 0, i) || !IN_BOUNDS(a, 1, i)) return;
    float sum = 0.0;
    for (int j = 63; j >= 0; j--) sum = sum * a.x.at[i] + a.coefficients.at[j];
    a.y.at[i] = sum;
}
