// Elements that are moved: one at a time, or in units of 16 bytes (of four elements where the types differ).
//
// The kernel has the constants SOURCE_TYPE and RESULT_TYPE, and VECTOR: whether units begin at multiples of 16 bytes (of 8 for elements of
// two bytes that change their type). Between tensors of one type every bit is kept.
#pragma once

#define TYPE_F32 0u
#define TYPE_F16 1u
#define TYPE_BF16 2u

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words { uint value; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Shorts { uint16_t value; };

// The bits of bfloat16 numbers, rounded to the nearest, ties to even. A NaN whose payload lies in the lower half stays one.
uvec4 brainBits(vec4 x) {
    uvec4 bits = floatBitsToUint(x);
    uvec4 rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    uvec4 result;
    [[unroll]] for (uint k = 0; k < 4; k++) {
        result[k] = (bits[k] & 0x7FFFFFFFu) > 0x7F800000u ? bits[k] >> 16 | 0x40u : rounded[k];
    }
    return result;
}

vec4 floatsOf(u16vec4 bits, uint type) {
    return type == TYPE_F16 ? halves4(bits) : uintBitsToFloat(uvec4(bits) << 16);
}

// The bits of f16 numbers, rounded to the nearest, ties to even, on every device: conversions of Vulkan may round to either side.
uvec4 nearestHalfBits(vec4 x) {
    uvec4 bits = floatBitsToUint(x);
    uvec4 size = bits & 0x7FFFFFFFu;
    // 112 is the difference of the biases; half of the last bit, less one where it is even, carries into it.
    uvec4 normal = (size - (112u << 23) + 0xFFFu + (size >> 13 & 1u)) >> 13;
    // Below 2⁻¹⁴ the last bit is 2⁻²⁴, and that of sums with 0.5, too.
    precise vec4 sum = uintBitsToFloat(size) + 0.5;
    uvec4 small = floatBitsToUint(sum) - 0x3F000000u;
    uvec4 result;
    [[unroll]] for (uint k = 0; k < 4; k++) {
        uint finite = size[k] < 0x38800000u ? small[k] : normal[k];
        uint number = size[k] >= 0x477FF000u ? 0x7C00u : finite;
        result[k] = (size[k] > 0x7F800000u ? 0x7E00u | size[k] >> 13 & 0x3FFu : number) | bits[k] >> 16 & 0x8000u;
    }
    return result;
}

u16vec4 bitsOf(vec4 x, uint type) { return u16vec4(type == TYPE_F16 ? nearestHalfBits(x) : brainBits(x)); }

// Moves unit `from` of one argument over unit `to` of another.
#define MOVE_UNIT(source, sourceSlot, from, result, resultSlot, to) \
    { \
        if (VECTOR && SOURCE_TYPE == RESULT_TYPE) { \
            Word4s(result)[AT(resultSlot, to, 16u)].value = Word4s(source)[AT(sourceSlot, from, 16u)].value; \
        } else if (VECTOR) { \
            vec4 moved_ = SOURCE_TYPE == TYPE_F32 ? Float4s(source)[AT(sourceSlot, from, 16u)].value \
                                                  : floatsOf(Half4s(source)[AT(sourceSlot, from, 8u)].value, SOURCE_TYPE); \
            if (RESULT_TYPE == TYPE_F32) Float4s(result)[AT(resultSlot, to, 16u)].value = moved_; \
            else Half4s(result)[AT(resultSlot, to, 8u)].value = bitsOf(moved_, RESULT_TYPE); \
        } else if (SOURCE_TYPE == RESULT_TYPE && SOURCE_TYPE == TYPE_F32) { \
            Words(result)[AT(resultSlot, to, 4u)].value = Words(source)[AT(sourceSlot, from, 4u)].value; \
        } else if (SOURCE_TYPE == RESULT_TYPE) { \
            Shorts(result)[AT(resultSlot, to, 2u)].value = Shorts(source)[AT(sourceSlot, from, 2u)].value; \
        } else { \
            float moved_ = SOURCE_TYPE == TYPE_F32 \
                ? (source)[AT(sourceSlot, from, 4u)].value \
                : floatsOf(u16vec4(Shorts(source)[AT(sourceSlot, from, 2u)].value), SOURCE_TYPE).x; \
            if (RESULT_TYPE == TYPE_F32) (result)[AT(resultSlot, to, 4u)].value = moved_; \
            else Shorts(result)[AT(resultSlot, to, 2u)].value = bitsOf(vec4(moved_), RESULT_TYPE).x; \
        } \
    }

// Fills a unit with the element whose bits these are.
#define FILL_UNIT(result, resultSlot, to, bits) \
    { \
        if (VECTOR) Word4s(result)[AT(resultSlot, to, 16u)].value = uvec4(RESULT_TYPE == TYPE_F32 ? (bits) : (bits) | (bits) << 16); \
        else if (RESULT_TYPE == TYPE_F32) Words(result)[AT(resultSlot, to, 4u)].value = bits; \
        else Shorts(result)[AT(resultSlot, to, 2u)].value = uint16_t(bits); \
    }
