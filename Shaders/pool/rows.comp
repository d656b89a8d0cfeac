// variants: POOLING = mean max min median last
#version 460
// The rows of each sequence pooled per channel, an invocation for each sequence and channel. An empty sequence gives zeros.
#include "common/arguments.glsl"
#include "common/compensated.glsl"
#include "common/ordering.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Integers starts;
    Integers counts;
    Floats result;
    uint rows;
    uint sequences;
    uint channels;
    CHECK_BLOCK
} arguments;

float element(uint start, uint row, uint channel) {
    return arguments.x[AT(0u, (start + row) * arguments.channels + channel, 4u)].value;
}

#ifdef POOLING_median
// How many of the sequence's values have a key below `limit`.
uint countBelow(uint start, uint count, uint channel, uint limit) {
    uint below = 0u;
    for (uint row = 0; row < count; row++) below += orderedKey(element(start, row, channel)) < limit ? 1u : 0u;
    return below;
}
#endif

float pooled(uint start, uint count, uint channel) {
#if defined(POOLING_mean)
    vec2 sum = vec2(0.0);
    for (uint row = 0; row < count; row++) {
        float x = element(start, row, channel);
        vec2 next = exactSum(sum.x, x);
        sum = vec2(next.x, sum.y + next.y);
    }
    // The correction of an infinite sum is no number.
    float correction = isinf(sum.x) || isnan(sum.x) ? 0.0 : sum.y;
    return (sum.x + correction) / float(count);
#elif defined(POOLING_max) || defined(POOLING_min)
    float best = element(start, 0u, channel);
    for (uint row = 1; row < count; row++) {
        float x = element(start, row, channel);
#if defined(POOLING_max)
        best = x > best || isnan(x) ? x : best;
#else
        best = x < best || isnan(x) ? x : best;
#endif
    }
    return best;
#elif defined(POOLING_median)
    // The bits of the middle key from the highest down: a bit is set if at most `rank` values lie below the key with it.
    uint rank = (count - 1u) / 2u;
    uint key = 0u;
    for (int bit = 31; bit >= 0; bit--) {
        uint candidate = key | (1u << bit);
        if (countBelow(start, count, channel, candidate) <= rank) key = candidate;
    }
    float middle = keyValue(key);
    if ((count & 1u) != 0u) return middle;
    // The other middle value is the same one again, or the next larger.
    uint notAbove = 0u;
    uint next = 0xFFFFFFFFu;
    for (uint row = 0; row < count; row++) {
        uint other = orderedKey(element(start, row, channel));
        if (other <= key) notAbove++;
        else next = min(next, other);
    }
    float upper = notAbove > rank + 1u ? middle : keyValue(next);
    return 0.5 * middle + 0.5 * upper;
#elif defined(POOLING_last)
    return element(start, count - 1u, channel);
#endif
}

void main() {
    FOR_EACH_ELEMENT(i, arguments.sequences * arguments.channels) {
        uint sequence = i / arguments.channels;
        uint start = min(uint(max(arguments.starts[AT(1u, sequence, 4u)].value, 0)), arguments.rows);
        uint count = min(uint(max(arguments.counts[AT(2u, sequence, 4u)].value, 0)), arguments.rows - start);
        float y = count == 0u ? 0.0 : pooled(start, count, i % arguments.channels);
        arguments.result[AT(3u, i, 4u)].value = y;
    }
}
