// Eight activations at a time, as 16 bytes of f16 or twice 16 of f32: element 8·index and those after it, where the argument begins
// at a multiple of 16 bytes.
#pragma once

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Word4s { uvec4 value; };

#define LOAD8(low, high, argument, slot, index) \
    { \
        if (ACTIVATIONS_ARE_HALF) { \
            uvec4 words_ = Word4s(argument)[AT(slot, index, 16u)].value; \
            low = vec4(unpackHalf2x16(words_.x), unpackHalf2x16(words_.y)); \
            high = vec4(unpackHalf2x16(words_.z), unpackHalf2x16(words_.w)); \
        } else { \
            low = Float4s(argument)[AT(slot, 2u * (index), 16u)].value; \
            high = Float4s(argument)[AT(slot, 2u * (index) + 1u, 16u)].value; \
        } \
    }

#define STORE8(argument, slot, index, low, high) \
    { \
        if (ACTIVATIONS_ARE_HALF) { \
            Word4s(argument)[AT(slot, index, 16u)].value = uvec4(halfWords(low), halfWords(high)); \
        } else { \
            Float4s(argument)[AT(slot, 2u * (index), 16u)].value = low; \
            Float4s(argument)[AT(slot, 2u * (index) + 1u, 16u)].value = high; \
        } \
    }

// Four f16 numbers in two words.
uvec2 halfWords(vec4 x) {
    u16vec4 bits = halfBits4(x);
    return uvec2(uint(bits.x) | uint(bits.y) << 16, uint(bits.z) | uint(bits.w) << 16);
}
