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
    // f32, whatever x is.
    Floats result;
    uint rows;
    uint sequences;
    uint channels;
    CHECK_BLOCK
} arguments;

float element(uint start, uint row, uint channel) {
    return LOAD(arguments.x, 0u, (start + row) * arguments.channels + channel);
}

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
    // The middle key four bits at a time from the highest: the largest digit with no more than `rank` values below it.
    uint rank = (count - 1u) / 2u;
    uint key = 0u;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint below[15];
        [[unroll]] for (uint d = 0; d < 15; d++) below[d] = 0u;
        for (uint row = 0; row < count; row++) {
            uint digits = orderedKey(element(start, row, channel)) >> shift;
            [[unroll]] for (uint d = 0; d < 15; d++) below[d] += digits < (key << 4) + d + 1u ? 1u : 0u;
        }
        uint digit = 0u;
        [[unroll]] for (uint d = 0; d < 15; d++) digit += below[d] <= rank ? 1u : 0u;
        key = (key << 4) + digit;
    }
    float middle = keyValue(key);
    if ((count & 1u) != 0u) return middle;
    // The other middle value is the same one again, or the next larger.
    uint notAbove = 0u;
    uint next = 0xFFFFFFFFu;
    for (uint row = 0; row < count; row++) {
        uint other = orderedKey(element(start, row, channel));
        notAbove += other <= key ? 1u : 0u;
        next = other > key ? min(next, other) : next;
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
