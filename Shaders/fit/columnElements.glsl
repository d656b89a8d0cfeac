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
