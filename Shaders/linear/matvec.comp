// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// A few rows of x, as they are.
#include "linear/matvec.glsl"
