#version 460
// What the AUROC of sorted columns is made of: Σ over source samples of twice the target samples below it, and once those equal to
// it. An invocation for each column and each partition of source samples.
#include "common/arguments.glsl"
#include "common/ordering.glsl"
#include "fit/sums.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats source;
    Floats target;
    // [partitions, channels]
    Longs result;
    uint sourceCount;
    uint targetCount;
    uint channels;
    uint partitions;
    CHECK_BLOCK
} arguments;

// −0 equals 0; NaN equals NaN and comes after all numbers.
uint rankKey(float x) { return (floatBitsToUint(x) << 1) == 0u ? 0x80000000u : orderedKey(x); }

// Whether target sample i lies below a key, or is equal to it where that counts.
bool precedes(uint i, uint key, bool countsEqual, uint channel) {
    uint other = rankKey(arguments.target[AT(1u, i * arguments.channels + channel, 4u)].value);
    return other < key || (countsEqual && other == key);
}

// The number of target samples that precede a key, at least `from`: in growing steps from there, since the next source sample stands
// close to the last, and then by halving.
uint rankFrom(uint from, uint key, bool countsEqual, uint channel) {
    uint low = from;
    uint high = from;
    uint step_ = 1u;
    while (high < arguments.targetCount && precedes(high, key, countsEqual, channel)) {
        low = high + 1u;
        high += step_;
        step_ *= 2u;
    }
    high = min(high, arguments.targetCount);
    while (low < high) {
        uint middle = (low + high) / 2u;
        if (precedes(middle, key, countsEqual, channel)) low = middle + 1u;
        else high = middle;
    }
    return low;
}

void main() {
    FOR_EACH_ELEMENT(i, arguments.channels * arguments.partitions) {
        uint channel = i % arguments.channels;
        uvec2 range = partitionOf(i / arguments.channels, arguments.partitions, arguments.sourceCount);
        uint64_t total = 0;
        uint below = 0u;
        uint through = 0u;
        // The key of no value.
        uint lastKey = 0u;
        for (uint s = range.x; s < range.y; s++) {
            uint key = rankKey(arguments.source[AT(0u, s * arguments.channels + channel, 4u)].value);
            if (key != lastKey) {
                below = rankFrom(through, key, false, channel);
                through = rankFrom(below, key, true, channel);
                lastKey = key;
            }
            total += below + through;
        }
        arguments.result[AT(2u, i, 8u)].value = total;
    }
}
