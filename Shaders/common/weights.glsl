// How each weight type lies in memory. Every kernel that meets a weight decodes it by this file and common/weightPieces.glsl.
//
// The kernel declares variants WEIGHT = f32 f16 … and an argument of type WeightBlocks, from which loads of any width go: WEIGHT_AT.
// Weights are counted by chunks of 32 over the whole tensor. Plain types lie row by row; rows whose length is no multiple of 32 are read by
// element.
//
// Quantised types lie in groups of 8 chunks, made at upload (WeightLayout of the host, which says where each bit lies): the integers in
// whole vectors of 16 bytes, units here, the scales behind them. What the types of ggml-common.h call d is the scale of a block, m its
// minimum. A group of GROUP_UNITS units has 8 of integers (16 of q8_0), then HIGH_UNITS of fifth (and sixth) bits, then its scales at
// SCALE_UNIT:
//   q4_0, q5_0, q8_0    8 d, f16
//   q4_1, q5_1          8 pairs of d and m, f16
//   q4_K, q5_K          d and m, f16, and 8 scales and minima of 6 bits, as in a file
//   q6_K                16 scales of 8 bits, those of Q, h and s (WeightLayout) at 8·Q + 4·h + s; d of 8 groups lie behind the eighth
#pragma once

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer WeightBlocks { uvec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer WeightFours { uvec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer WeightTwos { uvec2 value; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer WeightWords { uint value; };
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer WeightShorts { uint16_t value; };

// Element `index + step` of a type of `bytes` bytes, `step` a constant, which goes into the instruction.
#ifdef CHECKED
#define WEIGHT_AT(Type, weight, slot, index, step, bytes) Type(weight)[AT(slot, (index) + (step), bytes)].value
#else
#define WEIGHT_AT(Type, weight, slot, index, step, bytes) (Type(weight) + (index))[step].value
#endif

#if defined(WEIGHT_f32)
#define WEIGHT_IS_PLAIN 1
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer WeightElements { float value; };
const uint WEIGHT_ELEMENT_BYTES = 4;
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
#define WEIGHT_IS_PLAIN 1
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer WeightElements { uint16_t value; };
const uint WEIGHT_ELEMENT_BYTES = 2;
#elif defined(WEIGHT_q4_0)
const uint GROUP_UNITS = 9;
#define WEIGHT_BIAS 8
#elif defined(WEIGHT_q4_1)
const uint GROUP_UNITS = 10;
#define WEIGHT_HAS_MINIMUM 1
#elif defined(WEIGHT_q5_0)
const uint GROUP_UNITS = 11;
#define WEIGHT_BIAS 16
#define WEIGHT_HIGH_BITS 1
#elif defined(WEIGHT_q5_1)
const uint GROUP_UNITS = 12;
#define WEIGHT_HAS_MINIMUM 1
#define WEIGHT_HIGH_BITS 1
#elif defined(WEIGHT_q8_0)
const uint GROUP_UNITS = 17;
#define WEIGHT_IS_BYTES 1
#elif defined(WEIGHT_q4_K)
const uint GROUP_UNITS = 9;
#define WEIGHT_HAS_MINIMUM 1
#define WEIGHT_HAS_BLOCK_SCALE 1
#elif defined(WEIGHT_q5_K)
const uint GROUP_UNITS = 11;
#define WEIGHT_HAS_MINIMUM 1
#define WEIGHT_HAS_BLOCK_SCALE 1
#define WEIGHT_HIGH_BITS 1
#elif defined(WEIGHT_q6_K)
const uint GROUP_UNITS = 13;
#define WEIGHT_BIAS 32
#define WEIGHT_HAS_BLOCK_SCALE 1
#define WEIGHT_HIGH_BITS 2
#else
#error the variant WEIGHT is none of the weight types
#endif

// What is added to integers to make them unsigned.
#ifndef WEIGHT_BIAS
#define WEIGHT_BIAS 0
#endif
#ifndef WEIGHT_HIGH_BITS
#define WEIGHT_HIGH_BITS 0
#endif

float halfBits(uint bits) { return unpackHalf2x16(bits).x; }

#ifdef WEIGHT_IS_PLAIN

float decodeElement(WeightElements element) {
#if defined(WEIGHT_f32)
    return element.value;
#elif defined(WEIGHT_f16)
    return halfBits(uint(element.value));
#else
    return uintBitsToFloat(uint(element.value) << 16);
#endif
}

#else

#ifdef WEIGHT_IS_BYTES
const uint SCALE_UNIT = 16;
#else
const uint HIGH_UNIT = 8;
const uint SCALE_UNIT = HIGH_UNIT + 2u * uint(WEIGHT_HIGH_BITS);
#endif

// The unit that the group of a chunk begins with.
uint groupUnit(uint chunk) {
    uint group = chunk / 8u;
#if defined(WEIGHT_q6_K)
    // One more for each eight groups: their d.
    return group * GROUP_UNITS + group / 8u;
#else
    return group * GROUP_UNITS;
#endif
}

// Which of the four lanes that share a group has half `half_` of a chunk.
uint groupLane(uint chunk, uint half_) { return (chunk & 4u) / 2u + half_; }

// The unit with the integers of half a chunk, or with those of four bits of a pair of chunks.
uint integerUnit(uint chunk, uint half_) {
#ifdef WEIGHT_IS_BYTES
    return groupUnit(chunk) + 4u * (chunk & 3u) + groupLane(chunk, half_);
#else
    return groupUnit(chunk) + 2u * (chunk & 2u) + groupLane(chunk, half_);
#endif
}

#if defined(WEIGHT_q6_K)
// Where, in units of two bytes, d of the group of a chunk lies.
uint blockScaleShort(uint chunk) { return (chunk / 64u * (8u * GROUP_UNITS + 1u) + 8u * GROUP_UNITS) * 8u + (chunk / 8u & 7u); }
#endif

#if defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
// Scales and minima of chunks 4·half ..< 4·half + 4, a byte each: 6 bits of words that are packed as get_scale_min_k4 of ggml has it.
uvec2 fourScales(uint word0, uint word1, uint word2, bool isUpper) {
    uvec2 lower = uvec2(word0, word1) & 0x3F3F3F3Fu;
    uvec2 upper = uvec2(word2, word2 >> 4) & 0x0F0F0F0Fu | (uvec2(word0, word1) >> 2) & 0x30303030u;
    return isUpper ? upper : lower;
}
#endif

// The integers 4·i ..< 4·i + 4 of a half chunk, bytes 0, 2, 1 and 3 of a word. `low` is the word that they lie in, `high` that of the
// further bits, shifted so that those of the first four come first.
uint fourIntegers(uint low, uint high, uint i) {
#ifdef WEIGHT_IS_BYTES
    return low;
#else
    uint four = (low >> (4u * (i & 1u))) & 0x0F0F0F0Fu;
#if WEIGHT_HIGH_BITS == 1
    four |= ((high >> i) & 0x01010101u) << 4;
#elif WEIGHT_HIGH_BITS == 2
    four |= ((high >> (2u * i)) & 0x03030303u) << 4;
#endif
    return four;
#endif
}

// They as floats, of which WEIGHT_BIAS is to be taken.
vec4 fourFloats(uint four) {
#ifdef WEIGHT_IS_BYTES
    int bytes = int(four);
    return vec4(
        float(bitfieldExtract(bytes, 0, 8)), float(bitfieldExtract(bytes, 16, 8)), float(bitfieldExtract(bytes, 8, 8)),
        float(bytes >> 24));
#else
    return vec4(float(four & 255u), float((four >> 16) & 255u), float((four >> 8) & 255u), float(four >> 24));
#endif
}

#endif
