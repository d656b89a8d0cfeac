// Eight channels of a head at a time: 16 bytes of f16, twice 16 of f32. Heads are a multiple of eight channels then, and arguments
// begin at multiples of 16 bytes.
#pragma once

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Word4s { uvec4 value; };

// Elements 8·index ..< 8·index + 4 into `a`, the next four into `b`.
#define LOAD8_AS(isHalf, argument, slot, index, a, b) \
    if (isHalf) { \
        uvec4 words = Word4s(argument)[AT(slot, index, 16u)].value; \
        a = vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); \
        b = vec4(unpackHalf2x16(words.z), unpackHalf2x16(words.w)); \
    } else { \
        a = Float4s(argument)[AT(slot, 2u * (index), 16u)].value; \
        b = Float4s(argument)[AT(slot, 2u * (index) + 1u, 16u)].value; \
    }
