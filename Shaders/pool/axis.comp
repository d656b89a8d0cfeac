// variants: REDUCTION = sum max min
#version 460
// The elements along an axis made one: x as [outer, extent, inner], the result as [outer, inner].
//
// A work-group has neighbours of the inner axis along x, which read neighbours in memory, and along y invocations that share the extent and
// are folded in pairs: a power of two.
#include "common/arguments.glsl"
#include "common/compensated.glsl"

layout(constant_id = 5) const bool RESULT_IS_HALF = false;

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    uint outer;
    uint extent;
    uint inner;
    // What a sum is divided by.
    float divisor;
    CHECK_BLOCK
} arguments;

// Sums are pairs of floats; of others the first counts.
shared vec2 parts[256];

#if defined(REDUCTION_sum)
#define NOTHING vec2(0.0)

vec2 folded(vec2 a, vec2 b) {
    vec2 sum = exactSum(a.x, b.x);
    return vec2(sum.x, sum.y + (a.y + b.y));
}

// The correction of an infinite sum is no number.
float finished(vec2 sum) { return (sum.x + (isinf(sum.x) || isnan(sum.x) ? 0.0 : sum.y)) / arguments.divisor; }
#elif defined(REDUCTION_max)
#define NOTHING vec2(uintBitsToFloat(0xFF800000u), 0.0)

vec2 folded(vec2 a, vec2 b) { return b.x > a.x || isnan(b.x) ? b : a; }
float finished(vec2 largest) { return largest.x; }
#else
#define NOTHING vec2(uintBitsToFloat(0x7F800000u), 0.0)

vec2 folded(vec2 a, vec2 b) { return b.x < a.x || isnan(b.x) ? b : a; }
float finished(vec2 smallest) { return smallest.x; }
#endif

void main() {
    uint group = linearGroup();
    uint innerGroups = (arguments.inner + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
    uint place = group % innerGroups * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint outer = group / innerGroups;
    if (outer >= arguments.outer) return;
    // Invocations past the last keep the others company at the barriers.
    uint source = min(place, arguments.inner - 1u);
    vec2 own = NOTHING;
    for (uint row = gl_LocalInvocationID.y; row < arguments.extent; row += gl_WorkGroupSize.y) {
        float x = LOAD(arguments.x, 0u, (outer * arguments.extent + row) * arguments.inner + source);
        own = folded(own, vec2(x, 0.0));
    }
    if (gl_WorkGroupSize.y > 1u) {
        uint self = gl_LocalInvocationID.y * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
        parts[self] = own;
        for (uint height = gl_WorkGroupSize.y / 2u; height > 0u; height /= 2u) {
            barrier();
            if (gl_LocalInvocationID.y < height) {
                own = folded(own, parts[self + height * gl_WorkGroupSize.x]);
                parts[self] = own;
            }
        }
    }
    if (gl_LocalInvocationID.y == 0u && place < arguments.inner) {
        STORE_AS(RESULT_IS_HALF, arguments.result, 1u, outer * arguments.inner + place, finished(own))
    }
}
