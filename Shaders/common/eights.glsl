// Eight elements at a time, where the argument begins at a multiple of 16 bytes: 16 bytes of f16, or twice 16 of f32.
#pragma once

// As Word4s, which is also written: a device may load what is only read by another way.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer WordFours { uvec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer HalfEights { f16vec4 lower; f16vec4 upper; };

// Elements 8·index ..< 8·(index + 1) as they are stored: all in `low` where they are f16, else four in each.
#define LOAD8_AS(isHalf, argument, slot, index, low, high) \
    { \
        uint eight_ = index; \
        if (isHalf) { \
            low = WordFours(argument)[AT(slot, eight_, 16u)].value; \
        } else { \
            low = WordFours(argument)[AT(slot, 2u * eight_, 16u)].value; \
            high = WordFours(argument)[AT(slot, 2u * eight_ + 1u, 16u)].value; \
        } \
    }

// The first four and the last four of them as floats.
vec4 firstFour(bool isHalf, uvec4 low) {
    return isHalf ? vec4(unpackHalf2x16(low.x), unpackHalf2x16(low.y)) : uintBitsToFloat(low);
}
vec4 lastFour(bool isHalf, uvec4 low, uvec4 high) {
    return isHalf ? vec4(unpackHalf2x16(low.z), unpackHalf2x16(low.w)) : uintBitsToFloat(high);
}

// Operands, and the result.
#define LOAD8(isHalf, low, high, argument, slot, index) \
    { \
        uvec4 low_, high_; \
        LOAD8_AS(isHalf, argument, slot, index, low_, high_) \
        low = firstFour(isHalf, low_); \
        high = lastFour(isHalf, low_, high_); \
    }
#define STORE8(argument, slot, index, low, high) \
    { \
        if (RESULTS_ARE_HALF) { \
            HalfEights eight_ = HalfEights(argument) + AT(slot, index, 16u); \
            eight_.lower = f16vec4(inHalfRange(low)); \
            eight_.upper = f16vec4(inHalfRange(high)); \
        } else { \
            Float4s(argument)[AT(slot, 2u * (index), 16u)].value = low; \
            Float4s(argument)[AT(slot, 2u * (index) + 1u, 16u)].value = high; \
        } \
    }
