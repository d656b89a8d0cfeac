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

// Sixteen keys in order, by a bitonic network.
#define SORT_SIXTEEN(keys) \
    [[unroll]] for (uint t_ = 1; t_ <= 4; t_++) { \
        uint block_ = 1u << t_; \
        [[unroll]] for (uint r_ = 0; r_ < 16; r_++) { \
            uint partner_ = r_ ^ (block_ - 1u); \
            if (r_ < partner_) COMPARE(keys, r_, partner_) \
        } \
        [[unroll]] for (uint bit_ = block_ / 4u; bit_ >= 1u; bit_ /= 2u) { \
            [[unroll]] for (uint r_ = 0; r_ < 16; r_++) { \
                if ((r_ & bit_) == 0u) COMPARE(keys, r_, r_ | bit_) \
            } \
        } \
    }

// The last three of four steps of a merge.
#define MERGE_SIXTEEN(keys) \
    [[unroll]] for (uint step_ = 4; step_ >= 1u; step_ /= 2u) { \
        [[unroll]] for (uint r_ = 0; r_ < 16; r_++) { \
            if ((r_ & step_) == 0u) COMPARE(keys, r_, r_ | step_) \
        } \
    }
