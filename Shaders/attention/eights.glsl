// Eight channels of a head at a time: 16 bytes of f16, twice 16 of f32. Heads are a multiple of eight channels then, and arguments
// begin at multiples of 16 bytes.
#pragma once

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Word4s { uvec4 value; };

// Elements 8·index ..< 8·(index + 1) as they are stored: all in `low` where they are f16, else four in each.
#define LOAD8_AS(isHalf, argument, slot, index, low, high) \
    if (isHalf) { \
        low = Word4s(argument)[AT(slot, index, 16u)].value; \
    } else { \
        low = Word4s(argument)[AT(slot, 2u * (index), 16u)].value; \
        high = Word4s(argument)[AT(slot, 2u * (index) + 1u, 16u)].value; \
    }

// The first four and the last four of them as floats.
vec4 firstFour(bool isHalf, uvec4 low) {
    return isHalf ? vec4(unpackHalf2x16(low.x), unpackHalf2x16(low.y)) : uintBitsToFloat(low);
}
vec4 lastFour(bool isHalf, uvec4 low, uvec4 high) {
    return isHalf ? vec4(unpackHalf2x16(low.z), unpackHalf2x16(low.w)) : uintBitsToFloat(high);
}
