#version 460
// One affine map a column between sorted samples. A work-group has columns along x; along y, its invocations share the samples of
// each column. Sums are pairs of floats, as good as with Float64 to the last bits of the float results.
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

// A sum over the invocations that share a column.
shared vec2 parts[256];

vec2 columnSum(vec2 part) {
    barrier();
    parts[gl_LocalInvocationIndex] = part;
    barrier();
    vec2 sum = vec2(0.0);
    for (uint y = 0; y < gl_WorkGroupSize.y; y++) sum = pairSum(sum, parts[y * gl_WorkGroupSize.x + gl_LocalInvocationID.x]);
    return sum;
}

// The part of 0 ..< count that is this invocation's.
uvec2 stretch(uint count) {
    uint length = (count + gl_WorkGroupSize.y - 1u) / gl_WorkGroupSize.y;
    uint first = min(gl_LocalInvocationID.y * length, count);
    return uvec2(first, min(first + length, count));
}

// A walk over the levels i / (steps − 1) of a sorted column: between order statistic `lower` and the next, by
// remainder / (steps − 1). Positions are ratios of integers, so that equal sizes pair order statistics exactly.
struct Walk {
    uint lower;
    uint remainder;
};

Walk walk(uint first, uint count, uint steps) {
    uint64_t position = uint64_t(first) * (count - 1u);
    uint intervals = max(steps - 1u, 1u);
    return Walk(uint(position / intervals), uint(position % intervals));
}

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
    uvec2 part = stretch(steps);
    Walk firstSource = walk(part.x, arguments.sourceCount, steps);
    Walk firstTarget = walk(part.x, arguments.targetCount, steps);
    vec2 sourceSum = vec2(0.0);
    vec2 targetSum = vec2(0.0);
    Walk a = firstSource;
    Walk b = firstTarget;
    for (uint i = part.x; i < part.y; i++) {
        sourceSum = pairSum(sourceSum, sourceAt(a, steps, channel));
        targetSum = pairSum(targetSum, targetAt(b, steps, channel));
        advance(a, arguments.sourceCount, steps);
        advance(b, arguments.targetCount, steps);
    }
    vec2 sourceMean = pairQuotient(columnSum(sourceSum), pairOf(steps));
    vec2 targetMean = pairQuotient(columnSum(targetSum), pairOf(steps));
    vec2 products = vec2(0.0);
    vec2 squares = vec2(0.0);
    a = firstSource;
    b = firstTarget;
    for (uint i = part.x; i < part.y; i++) {
        vec2 fromSource = pairDifference(sourceAt(a, steps, channel), sourceMean);
        vec2 fromTarget = pairDifference(targetAt(b, steps, channel), targetMean);
        products = pairSum(products, pairProduct(fromSource, fromTarget));
        squares = pairSum(squares, pairProduct(fromSource, fromSource));
        advance(a, arguments.sourceCount, steps);
        advance(b, arguments.targetCount, steps);
    }
    products = columnSum(products);
    return pairQuotient(products, columnSum(squares));
}

void main() {
    uint column = linearGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    // Invocations past the end keep the others company at the barriers.
    uint channel = min(column, arguments.channels - 1u);
    uvec2 source = stretch(arguments.sourceCount);
    uvec2 target = stretch(arguments.targetCount);
    vec2 sum = vec2(0.0);
    for (uint i = source.x; i < source.y; i++) sum = pairSum(sum, vec2(sourceValue(i, channel), 0.0));
    vec2 sourceMean = pairQuotient(columnSum(sum), pairOf(arguments.sourceCount));
    sum = vec2(0.0);
    for (uint i = target.x; i < target.y; i++) sum = pairSum(sum, vec2(targetValue(i, channel), 0.0));
    vec2 targetMean = pairQuotient(columnSum(sum), pairOf(arguments.targetCount));

    sum = vec2(0.0);
    for (uint i = source.x; i < source.y; i++) {
        vec2 centred = pairDifference(vec2(sourceValue(i, channel), 0.0), sourceMean);
        sum = pairSum(sum, pairProduct(centred, centred));
    }
    vec2 sourceDeviation = pairRoot(pairQuotient(columnSum(sum), pairOf(max(arguments.sourceCount - 1u, 1u))));
    sum = vec2(0.0);
    for (uint i = target.x; i < target.y; i++) {
        vec2 centred = pairDifference(vec2(targetValue(i, channel), 0.0), targetMean);
        sum = pairSum(sum, pairProduct(centred, centred));
    }
    vec2 targetDeviation = pairRoot(pairQuotient(columnSum(sum), pairOf(max(arguments.targetCount - 1u, 1u))));

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
    } else {
        vec2 fitted = slope(channel);
        if (!sourceIsDead) {
            omega = fitted;
            beta = pairDifference(targetMean, pairProduct(omega, sourceMean));
        }
    }
    if (column >= arguments.channels || gl_LocalInvocationID.y != 0u) return;
    float values[6] = float[6](omega.x, beta.x, sourceMean.x, sourceDeviation.x, targetMean.x, targetDeviation.x);
    [[unroll]] for (uint i = 0; i < 6; i++) {
        arguments.result[AT(2u, i * arguments.channels + channel, 4u)].value = values[i];
    }
}
