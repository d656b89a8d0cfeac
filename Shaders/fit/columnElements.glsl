// Elements of a column as keys in order; one past the end is the largest key, which no comparison moves and nothing stores.
#pragma once
#include "common/ordering.glsl"

#define LOAD_KEY(key, argument, slot, sample_) \
    { \
        uint row_ = min(sample_, arguments.samples - 1u); \
        float x_ = argument[AT(slot, row_ * arguments.channels + channel, 4u)].value; \
        key = (sample_) < arguments.samples ? orderedKey(x_) : 0xFFFFFFFFu; \
    }

#define STORE_KEY(key, argument, slot, sample_) \
    if ((sample_) < arguments.samples) { \
        argument[AT(slot, (sample_) * arguments.channels + channel, 4u)].value = keyValue(key); \
    }

#define COMPARE(keys, low, high) \
    { \
        uint smaller_ = min(keys[low], keys[high]); \
        keys[high] = max(keys[low], keys[high]); \
        keys[low] = smaller_; \
    }

// A step of a bitonic network: those that differ in one bit are compared, and those that mirror each other in blocks of a power of two. Each is
// written out below: of loops in loops Mesa leaves the outer one, and keys of a loop that stays lie in memory.
#define COMPARE_APART(keys, bit) \
    [[unroll]] for (uint r_ = 0; r_ < 16; r_++) { \
        if ((r_ & (bit)) == 0u) COMPARE(keys, r_, r_ | (bit)) \
    }
#define COMPARE_MIRRORED(keys, block) \
    [[unroll]] for (uint r_ = 0; r_ < 16; r_++) { \
        if (r_ < (r_ ^ ((block) - 1u))) COMPARE(keys, r_, r_ ^ ((block) - 1u)) \
    }

// The last three of four steps of a merge.
#define MERGE_SIXTEEN(keys) \
    COMPARE_APART(keys, 4u) \
    COMPARE_APART(keys, 2u) \
    COMPARE_APART(keys, 1u)

// Sixteen keys in order.
#define SORT_SIXTEEN(keys) \
    COMPARE_MIRRORED(keys, 2u) \
    COMPARE_MIRRORED(keys, 4u) \
    COMPARE_APART(keys, 1u) \
    COMPARE_MIRRORED(keys, 8u) \
    COMPARE_APART(keys, 2u) \
    COMPARE_APART(keys, 1u) \
    COMPARE_MIRRORED(keys, 16u) \
    MERGE_SIXTEEN(keys)
