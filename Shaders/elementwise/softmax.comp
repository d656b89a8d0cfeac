#version 460
// exp(x − max) / Σ exp(x − max) over each row, a work-group for each. Rows of up to HELD elements an invocation are read once and
// kept in registers; longer ones are read three times, the second and third time from a cache.
//
// The differences are exact, as pairs of floats, and so are the sums of long rows, to within a few ulp however long a row is.
#include "common/arguments.glsl"
#include "common/compensated.glsl"
#include "common/functions.glsl"
#include "common/reduce.glsl"

// 0 where rows are too long to be held.
layout(constant_id = 5) const uint HELD = 0;

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    uint rows;
    uint channels;
    CHECK_BLOCK
} arguments;

const uint HELD_VALUES = HELD > 0u ? HELD : 1u;

// NaN is not the largest; the sum meets it.
float groupMaximum(float x) {
    float most = subgroupMax(x);
    if (ONE_SUBGROUP) return most;
    if (subgroupElect()) groupValues[gl_SubgroupID] = most;
    barrier();
    for (uint i = 0; i < gl_NumSubgroups; i++) most = groupValues[i] > most ? groupValues[i] : most;
    return most;
}

// exp(x − most), with what the difference loses to rounding: for −20, as much as 8 ulp of the exponential.
float shiftedExponential(float x, float most) {
    vec2 difference = exactSum(x, -most);
    float result = exponential(difference.x);
    // Where it is 0, or no number, the rest may be none either.
    return difference.x > -104.0 && difference.x <= 0.0 ? result + result * difference.y : result;
}

// The sum of pairs over the work-group.
float groupPairSum(vec2 x) {
    vec2 total = vec2(subgroupAdd(x.x), subgroupAdd(x.y));
    if (ONE_SUBGROUP) return total.x + total.y;
    barrier();
    if (subgroupElect()) groupPairs[gl_SubgroupID] = total;
    barrier();
    total = vec2(0.0);
    for (uint i = 0; i < gl_NumSubgroups; i++) {
        vec2 sum = exactSum(total.x, groupPairs[i].x);
        total = vec2(sum.x, total.y + (sum.y + groupPairs[i].y));
    }
    return total.x + total.y;
}

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint start = row * arguments.channels;
    uint self = gl_LocalInvocationID.x;
    float most = uintBitsToFloat(0xFF800000u);
    float held[HELD_VALUES];
    if (HELD > 0u) {
        [[unroll]] for (uint k = 0; k < HELD; k++) {
            uint c = self + k * gl_WorkGroupSize.x;
            held[k] = c < arguments.channels ? LOAD(arguments.x, 0u, start + c) : uintBitsToFloat(0xFF800000u);
            most = held[k] > most ? held[k] : most;
        }
    } else {
        for (uint c = self; c < arguments.channels; c += gl_WorkGroupSize.x) {
            float x = LOAD(arguments.x, 0u, start + c);
            most = x > most ? x : most;
        }
    }
    most = groupMaximum(most);
    vec2 sum = vec2(0.0);
    if (HELD > 0u) {
        [[unroll]] for (uint k = 0; k < HELD; k++) {
            held[k] = shiftedExponential(held[k], most);
            sum.x += self + k * gl_WorkGroupSize.x < arguments.channels ? held[k] : 0.0;
        }
    } else {
        for (uint c = self; c < arguments.channels; c += gl_WorkGroupSize.x) {
            vec2 next = exactSum(sum.x, shiftedExponential(LOAD(arguments.x, 0u, start + c), most));
            sum = vec2(next.x, sum.y + next.y);
        }
    }
    float total = groupPairSum(sum);
    if (HELD > 0u) {
        [[unroll]] for (uint k = 0; k < HELD; k++) {
            uint c = self + k * gl_WorkGroupSize.x;
            if (c < arguments.channels) STORE(arguments.result, 1u, start + c, held[k] / total)
        }
    } else {
        for (uint c = self; c < arguments.channels; c += gl_WorkGroupSize.x) {
            STORE(arguments.result, 1u, start + c, shiftedExponential(LOAD(arguments.x, 0u, start + c), most) / total)
        }
    }
}
