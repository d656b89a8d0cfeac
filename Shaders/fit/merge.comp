// variants: FIRST = 0 1
#version 460
// One pass of merging sorted partitions of columns: four steps of a bitonic network (Batcher 1968) at a time, on 16 elements in
// registers, in place.
//
// A merge of blocks of 2^t elements first compares element i with its mirror image i ^ (2^t − 1), then with i ^ 2^s for falling s.
// All comparisons put the smaller element first, so that a column of any length is one whose missing elements are the largest.
// With FIRST, a pass does the mirror step and those of bits t − 2, t − 3 and t − 4; without, the steps of bits
// `bit` + 3 to `bit`. Repeating a step that was done already changes nothing.
#include "common/arguments.glsl"
#include "fit/columnElements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats values;
    uint samples;
    uint channels;
    // The lowest bit of the pass: t − 4 with FIRST.
    uint bit;
    // The sixteenths of the column, rounded up to a power of two.
    uint groups;
    CHECK_BLOCK
} arguments;

void main() {
    uint bit = arguments.bit;
    uint lowMask = (1u << bit) - 1u;
    FOR_EACH_ELEMENT(i, arguments.groups * arguments.channels) {
        uint channel = i % arguments.channels;
        uint group = i / arguments.channels;
        uint low = group & lowMask;
        uint first = ((group >> bit) << (bit + 4u)) | low;
        // All that a group touches lies at or after its first element.
        if (first >= arguments.samples) continue;
        uint samples[16];
        [[unroll]] for (uint r = 0; r < 16; r++) {
            samples[r] = first + (r << bit);
#if FIRST
            // The mirrored half takes the mirrored low bits.
            if (r >= 8) samples[r] = (samples[r] - low) | (lowMask - low);
#endif
        }
        uint keys[16];
        [[unroll]] for (uint r = 0; r < 16; r++) LOAD_KEY(keys[r], arguments.values, 0u, samples[r])
#if FIRST
        [[unroll]] for (uint r = 0; r < 8; r++) COMPARE(keys, r, 15u - r)
#else
        [[unroll]] for (uint r = 0; r < 8; r++) COMPARE(keys, r, r + 8u)
#endif
        MERGE_SIXTEEN(keys)
        [[unroll]] for (uint r = 0; r < 16; r++) STORE_KEY(keys[r], arguments.values, 0u, samples[r])
    }
}
