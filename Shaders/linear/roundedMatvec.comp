// variants: WEIGHT = q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// A few rows of x, rounded to integers (linear/rounded.glsl).
#extension GL_EXT_spirv_intrinsics : require
#define ROUNDED 1
#include "linear/matvec.glsl"
