// What fit/sums leaves for fit/finish, for each stretch and column.
#pragma once

// Σa, Σa², Σb, Σb² of the samples; Σa, Σa², Σb, Σa·b of the paired ones; all centred about the middle samples.
#define FIT_SUMS 8u

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Pairs { vec2 value; };

// The part of 0 ..< count that is a stretch's.
uvec2 stretchOf(uint part, uint stretches, uint count) {
    uint length = (count + stretches - 1u) / stretches;
    uint first = min(part * length, count);
    return uvec2(first, min(first + length, count));
}
