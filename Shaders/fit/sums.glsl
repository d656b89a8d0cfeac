// What fit/sums leaves for fit/finish, for each partition and column.
#pragma once

// Σa, Σa², Σb, Σb² of the samples; Σa, Σa², Σb, Σa·b of the paired ones; all centred about the middle samples.
#define FIT_SUMS 8u

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Pairs { vec2 value; };

// The part of 0 ..< count that is a partition's.
uvec2 partitionOf(uint part, uint partitions, uint count) {
    uint length = (count + partitions - 1u) / partitions;
    uint first = min(part * length, count);
    return uvec2(first, min(first + length, count));
}
