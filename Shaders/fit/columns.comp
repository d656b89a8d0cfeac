#version 460
// One affine map a column between sorted samples, an invocation a column. Sums are pairs of floats, as good as with Float64 to
// the last bits of the float results.
#include "common/arguments.glsl"
#include "common/compensated.glsl"

#define FIT_LINEAR 0u
#define FIT_MEAN 1u
#define FIT_GAUSSIAN 2u

layout(push_constant, scalar) uniform Arguments {
    Floats source;
    Floats target;
    Floats result;
    uint sourceCount;
    uint targetCount;
    uint channels;
    uint method;
    float deadDeviation;
    float deadRatio;
    CHECK_BLOCK
} arguments;

float sourceValue(uint sample_, uint channel) { return arguments.source[AT(0u, sample_ * arguments.channels + channel, 4u)].value; }
float targetValue(uint sample_, uint channel) { return arguments.target[AT(1u, sample_ * arguments.channels + channel, 4u)].value; }

// A walk over the levels i / (steps − 1) of a sorted column: between order statistic `lower` and the next, by
// remainder / (steps − 1). Positions are ratios of integers, so that equal sizes pair order statistics exactly.
struct Walk {
    uint lower;
    uint remainder;
};

void advance(inout Walk walk, uint count, uint steps) {
    walk.remainder += count - 1u;
    if (walk.remainder >= steps - 1u) {
        walk.remainder -= steps - 1u;
        walk.lower++;
    }
}

vec2 between(float a, float b, uint remainder, uint steps) {
    vec2 fraction = pairQuotient(pairOf(remainder), pairOf(max(steps - 1u, 1u)));
    return pairSum(vec2(a, 0.0), pairProduct(fraction, exactSum(b, -a)));
}

vec2 sourceAt(Walk walk, uint steps, uint channel) {
    float a = sourceValue(walk.lower, channel);
    if (walk.remainder == 0u) return vec2(a, 0.0);
    return between(a, sourceValue(walk.lower + 1u, channel), walk.remainder, steps);
}

vec2 targetAt(Walk walk, uint steps, uint channel) {
    float a = targetValue(walk.lower, channel);
    if (walk.remainder == 0u) return vec2(a, 0.0);
    return between(a, targetValue(walk.lower + 1u, channel), walk.remainder, steps);
}

bool isDead(vec2 deviation, vec2 mean) {
    return deviation.x <= max(arguments.deadDeviation, arguments.deadRatio * abs(mean.x));
}

// The least-squares slope between equal quantiles of both columns, those of the smaller set interpolated; each sequence is
// centred about its own mean.
vec2 slope(uint channel) {
    uint steps = max(arguments.sourceCount, arguments.targetCount);
    vec2 sourceSum = vec2(0.0);
    vec2 targetSum = vec2(0.0);
    Walk a = Walk(0u, 0u);
    Walk b = Walk(0u, 0u);
    for (uint i = 0; i < steps; i++) {
        sourceSum = pairSum(sourceSum, sourceAt(a, steps, channel));
        targetSum = pairSum(targetSum, targetAt(b, steps, channel));
        advance(a, arguments.sourceCount, steps);
        advance(b, arguments.targetCount, steps);
    }
    vec2 sourceMean = pairQuotient(sourceSum, pairOf(steps));
    vec2 targetMean = pairQuotient(targetSum, pairOf(steps));
    vec2 products = vec2(0.0);
    vec2 squares = vec2(0.0);
    a = Walk(0u, 0u);
    b = Walk(0u, 0u);
    for (uint i = 0; i < steps; i++) {
        vec2 fromSource = pairDifference(sourceAt(a, steps, channel), sourceMean);
        vec2 fromTarget = pairDifference(targetAt(b, steps, channel), targetMean);
        products = pairSum(products, pairProduct(fromSource, fromTarget));
        squares = pairSum(squares, pairProduct(fromSource, fromSource));
        advance(a, arguments.sourceCount, steps);
        advance(b, arguments.targetCount, steps);
    }
    return pairQuotient(products, squares);
}

void main() {
    FOR_EACH_ELEMENT(channel, arguments.channels) {
        vec2 sourceSum = vec2(0.0);
        for (uint i = 0; i < arguments.sourceCount; i++) sourceSum = pairSum(sourceSum, vec2(sourceValue(i, channel), 0.0));
        vec2 targetSum = vec2(0.0);
        for (uint i = 0; i < arguments.targetCount; i++) targetSum = pairSum(targetSum, vec2(targetValue(i, channel), 0.0));
        vec2 sourceMean = pairQuotient(sourceSum, pairOf(arguments.sourceCount));
        vec2 targetMean = pairQuotient(targetSum, pairOf(arguments.targetCount));

        vec2 sourceSquares = vec2(0.0);
        for (uint i = 0; i < arguments.sourceCount; i++) {
            vec2 centred = pairDifference(vec2(sourceValue(i, channel), 0.0), sourceMean);
            sourceSquares = pairSum(sourceSquares, pairProduct(centred, centred));
        }
        vec2 targetSquares = vec2(0.0);
        for (uint i = 0; i < arguments.targetCount; i++) {
            vec2 centred = pairDifference(vec2(targetValue(i, channel), 0.0), targetMean);
            targetSquares = pairSum(targetSquares, pairProduct(centred, centred));
        }
        vec2 sourceDeviation = pairRoot(pairQuotient(sourceSquares, pairOf(max(arguments.sourceCount - 1u, 1u))));
        vec2 targetDeviation = pairRoot(pairQuotient(targetSquares, pairOf(max(arguments.targetCount - 1u, 1u))));

        vec2 omega = vec2(1.0, 0.0);
        vec2 beta = vec2(0.0);
        bool sourceIsDead = isDead(sourceDeviation, sourceMean);
        if (arguments.method == FIT_MEAN) {
            beta = pairDifference(targetMean, sourceMean);
        } else if (arguments.method == FIT_GAUSSIAN) {
            if (!sourceIsDead && !isDead(targetDeviation, targetMean)) {
                omega = pairQuotient(targetDeviation, sourceDeviation);
                beta = pairDifference(targetMean, pairProduct(omega, sourceMean));
            }
        } else if (!sourceIsDead) {
            omega = slope(channel);
            beta = pairDifference(targetMean, pairProduct(omega, sourceMean));
        }
        float values[6] = float[6](omega.x, beta.x, sourceMean.x, sourceDeviation.x, targetMean.x, targetDeviation.x);
        [[unroll]] for (uint i = 0; i < 6; i++) {
            arguments.result[AT(2u, i * arguments.channels + channel, 4u)].value = values[i];
        }
    }
}
