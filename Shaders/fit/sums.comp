// variants: PAIRING = none equal unequal
#version 460
// The sums that a fit is made of, over a partition of the samples: an invocation for each column and partition. Sums are pairs of floats, as
// good as with Float64 to the last bits of the float results.
//
// One pass: samples are centred about the column's middle sample K, and the shift from K to the mean is taken out at the end:
// Σ(a − m)² = Σ(a − K)² − n·(m − K)². For sorted samples K is the median, which lies within a deviation of the mean, so that what is
// subtracted is no more than half of the sum.
//
// PAIRING says whether products of paired samples are wanted (the linear fit), and whether both sides have as many samples, which
// then pair as they stand; otherwise equal quantiles are paired.
#include "common/arguments.glsl"
#include "common/compensated.glsl"
#include "fit/sums.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats source;
    Floats target;
    // [partitions, FIT_SUMS, channels]
    Pairs result;
    uint sourceCount;
    uint targetCount;
    uint channels;
    uint partitions;
    CHECK_BLOCK
} arguments;

float sourceValue(uint sample_, uint channel) { return arguments.source[AT(0u, sample_ * arguments.channels + channel, 4u)].value; }
float targetValue(uint sample_, uint channel) { return arguments.target[AT(1u, sample_ * arguments.channels + channel, 4u)].value; }

// A sum and a sum of squares.
struct Sums {
    vec2 sum;
    vec2 squares;
};

void addTo(inout Sums sums, vec2 centred) {
    sums.sum = pairSum(sums.sum, centred);
    sums.squares = pairSum(sums.squares, pairProduct(centred, centred));
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

void main() {
    FOR_EACH_ELEMENT(i, arguments.channels * arguments.partitions) {
        uint channel = i % arguments.channels;
        uint part = i / arguments.channels;
        float sourceMiddle = sourceValue(arguments.sourceCount / 2u, channel);
        float targetMiddle = targetValue(arguments.targetCount / 2u, channel);
        Sums source = Sums(vec2(0.0), vec2(0.0));
        Sums target = source;
        Sums paired = source;
        vec2 pairedTarget = vec2(0.0);
        vec2 products = vec2(0.0);
        uvec2 sourcePartition = partitionOf(part, arguments.partitions, arguments.sourceCount);
        uvec2 targetPartition = partitionOf(part, arguments.partitions, arguments.targetCount);
#ifdef PAIRING_equal
        for (uint s = sourcePartition.x; s < sourcePartition.y; s++) {
            vec2 a = exactSum(sourceValue(s, channel), -sourceMiddle);
            vec2 b = exactSum(targetValue(s, channel), -targetMiddle);
            addTo(source, a);
            addTo(target, b);
            products = pairSum(products, pairProduct(a, b));
        }
        paired = source;
        pairedTarget = target.sum;
#else
        for (uint s = sourcePartition.x; s < sourcePartition.y; s++) addTo(source, exactSum(sourceValue(s, channel), -sourceMiddle));
        for (uint s = targetPartition.x; s < targetPartition.y; s++) addTo(target, exactSum(targetValue(s, channel), -targetMiddle));
#endif
#ifdef PAIRING_unequal
        uint steps = max(arguments.sourceCount, arguments.targetCount);
        uvec2 steps_ = partitionOf(part, arguments.partitions, steps);
        Walk sourceWalk = walk(steps_.x, arguments.sourceCount, steps);
        Walk targetWalk = walk(steps_.x, arguments.targetCount, steps);
        for (uint s = steps_.x; s < steps_.y; s++) {
            vec2 a = pairDifference(sourceAt(sourceWalk, steps, channel), vec2(sourceMiddle, 0.0));
            vec2 b = pairDifference(targetAt(targetWalk, steps, channel), vec2(targetMiddle, 0.0));
            addTo(paired, a);
            pairedTarget = pairSum(pairedTarget, b);
            products = pairSum(products, pairProduct(a, b));
            advance(sourceWalk, arguments.sourceCount, steps);
            advance(targetWalk, arguments.targetCount, steps);
        }
#endif
        vec2 sums[FIT_SUMS] = vec2[FIT_SUMS](
            source.sum, source.squares, target.sum, target.squares, paired.sum, paired.squares, pairedTarget, products);
        [[unroll]] for (uint k = 0; k < FIT_SUMS; k++) {
            arguments.result[AT(2u, (part * FIT_SUMS + k) * arguments.channels + channel, 8u)].value = sums[k];
        }
    }
}
