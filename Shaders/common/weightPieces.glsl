// Weights in flight into a tile: `fetchPiece` loads what a piece of a row is stored as, `decodePiece` makes f16 of it later, so
// that the loads of the next tile are under way while this one is multiplied.
//
// A piece is PIECE consecutive elements: 8 of a plain type, which are one or two loads of 16 bytes, or half a chunk of a quantised one.
// Weights of types whose blocks are a multiple of 16 bytes begin at one.
#pragma once
#include "common/eights.glsl"
#include "common/weights.glsl"

#if defined(WEIGHT_f32)
const uint PIECE = 8;
const uint PIECE_WORDS = 8;
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
const uint PIECE = 8;
const uint PIECE_WORDS = 4;
#else
const uint PIECE = 16;
#if defined(WEIGHT_q4_0) || defined(WEIGHT_q4_1) || defined(WEIGHT_q8_0)
const uint PIECE_WORDS = 5;
#elif defined(WEIGHT_q5_0) || defined(WEIGHT_q5_1)
const uint PIECE_WORDS = 6;
#elif defined(WEIGHT_q4_K)
const uint PIECE_WORDS = 8;
#elif defined(WEIGHT_q5_K)
const uint PIECE_WORDS = 12;
#elif defined(WEIGHT_q6_K)
const uint PIECE_WORDS = 10;
#endif
#endif

#ifdef WEIGHT_IS_PLAIN

// The 8 elements at `eight`, the first of their words.
#define FETCH_PIECE(words, weight, slot, element) \
    [[unroll]] for (uint word_ = 0; word_ < PIECE_WORDS / 4u; word_++) { \
        uvec4 four_ = WordFours(weight)[AT(slot, (element) / 8u * (PIECE_WORDS / 4u) + word_, 16u)].value; \
        [[unroll]] for (uint j_ = 0; j_ < 4; j_++) words[4u * word_ + j_] = four_[j_]; \
    }

#else

uint wordOf(uint low, uint high) { return low | (high << 16); }

// Half `half_` of a chunk of a block.
void fetchBlock(WeightBlocks block, uint chunk, uint half_, out uint words[PIECE_WORDS]) {
#if defined(WEIGHT_q4_0)
    words[0] = uint(block.value.d);
    [[unroll]] for (uint i = 0; i < 4; i++) words[1 + i] = wordOf(uint(block.value.nibbles[2 * i]), uint(block.value.nibbles[2 * i + 1]));
#elif defined(WEIGHT_q4_1)
    words[0] = block.value.dm;
    [[unroll]] for (uint i = 0; i < 4; i++) words[1 + i] = block.value.nibbles[i];
#elif defined(WEIGHT_q5_0)
    words[0] = uint(block.value.d);
    words[1] = uint(block.value.high[half_]);
    [[unroll]] for (uint i = 0; i < 4; i++) words[2 + i] = wordOf(uint(block.value.nibbles[2 * i]), uint(block.value.nibbles[2 * i + 1]));
#elif defined(WEIGHT_q5_1)
    words[0] = block.value.dm;
    words[1] = block.value.high >> (16u * half_);
    [[unroll]] for (uint i = 0; i < 4; i++) words[2 + i] = block.value.nibbles[i];
#elif defined(WEIGHT_q8_0)
    words[0] = uint(block.value.d);
    [[unroll]] for (uint i = 0; i < 4; i++) {
        uint pair = 8u * half_ + 2u * i;
        words[1 + i] = wordOf(uint(block.value.pairs[pair]), uint(block.value.pairs[pair + 1u]));
    }
#elif defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    // Blocks are whole vectors: dm and scales, the high bits of q5_K, the nibbles.
    WordFours fours = WordFours(block);
    uvec4 head = fours[0].value;
#if defined(WEIGHT_q5_K)
    uvec4 nibbles = fours[3u + 2u * (chunk >> 1) + half_].value;
    uvec4 high = fours[1u + half_].value;
    [[unroll]] for (uint i = 0; i < 4; i++) words[8 + i] = high[i];
#else
    uvec4 nibbles = fours[1u + 2u * (chunk >> 1) + half_].value;
#endif
    [[unroll]] for (uint i = 0; i < 4; i++) words[i] = head[i];
    [[unroll]] for (uint i = 0; i < 4; i++) words[4 + i] = nibbles[i];
#elif defined(WEIGHT_q6_K)
    uint low = 32u * (chunk >> 2) + 16u * (chunk & 1u) + 8u * half_;
    uint high = 16u * (chunk >> 2) + 8u * half_;
    words[0] = uint(block.value.d);
    words[1] = uint(block.value.scales[chunk]) >> (8u * half_);
    [[unroll]] for (uint i = 0; i < 4; i++) {
        words[2 + i] = wordOf(uint(block.value.low[low + 2u * i]), uint(block.value.low[low + 2u * i + 1u]));
        words[6 + i] = wordOf(uint(block.value.high[high + 2u * i]), uint(block.value.high[high + 2u * i + 1u]));
    }
#endif
}

// The half chunk at `element`, whose row is a whole number of blocks.
#define FETCH_PIECE(words, weight, slot, element) \
    { \
        uint chunk_ = (element) / 32u; \
        fetchBlock(weight + AT(slot, chunk_ / BLOCK_CHUNKS, WEIGHT_BLOCK_BYTES), chunk_ % BLOCK_CHUNKS, ((element) / 16u) & 1u, words); \
    }

#endif

// Four unsigned bytes as floats.
vec4 byteFloats(uint word) {
    return vec4(float(word & 255u), float((word >> 8) & 255u), float((word >> 16) & 255u), float(word >> 24));
}

// Four signed bytes as floats.
vec4 signedByteFloats(uint word) {
    int bytes = int(word);
    return vec4(
        float(bitfieldExtract(bytes, 0, 8)), float(bitfieldExtract(bytes, 8, 8)), float(bitfieldExtract(bytes, 16, 8)),
        float(bytes >> 24));
}

// Bits 0 ..< 4 to the lowest bits of four bytes.
uint spreadBits(uint bits) { return (bits & 1u) | ((bits & 2u) << 7) | ((bits & 4u) << 14) | ((bits & 8u) << 21); }

// A piece is scale · integers + offset; plain types are their own integers.
#if defined(WEIGHT_q4_1) || defined(WEIGHT_q5_1) || defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
#define PIECE_HAS_OFFSET 1
#endif

// Scale and offset of a piece of a chunk of its block.
vec2 pieceScale(uint words[PIECE_WORDS], uint chunk) {
#ifdef WEIGHT_IS_PLAIN
    return vec2(1.0, 0.0);
#elif defined(WEIGHT_q4_0) || defined(WEIGHT_q5_0) || defined(WEIGHT_q8_0)
    return vec2(halfBits(words[0]), 0.0);
#elif defined(WEIGHT_q4_1) || defined(WEIGHT_q5_1)
    return unpackHalf2x16(words[0]);
#elif defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    return unpackHalf2x16(words[0]) * vec2(unpackScale(words[1], words[2], words[3], chunk)) * vec2(1.0, -1.0);
#elif defined(WEIGHT_q6_K)
    return vec2(halfBits(words[0]) * float(bitfieldExtract(int(words[1]), 0, 8)), 0.0);
#endif
}

// Integers 4·four ..< 4·four + 4 of a piece.
vec4 pieceIntegers(uint words[PIECE_WORDS], uint chunk, uint half_, uint four) {
#if defined(WEIGHT_f32)
    return uintBitsToFloat(uvec4(words[4u * four], words[4u * four + 1u], words[4u * four + 2u], words[4u * four + 3u]));
#elif defined(WEIGHT_f16)
    return vec4(unpackHalf2x16(words[2u * four]), unpackHalf2x16(words[2u * four + 1u]));
#elif defined(WEIGHT_bf16)
    uvec2 pairs = uvec2(words[2u * four], words[2u * four + 1u]);
    return uintBitsToFloat(uvec4(pairs.x << 16, pairs.x & 0xFFFF0000u, pairs.y << 16, pairs.y & 0xFFFF0000u));
#elif defined(WEIGHT_q4_0)
    return byteFloats((words[1u + four] >> (4u * half_)) & 0x0F0F0F0Fu) - 8.0;
#elif defined(WEIGHT_q4_1)
    return byteFloats((words[1u + four] >> (4u * half_)) & 0x0F0F0F0Fu);
#elif defined(WEIGHT_q5_0) || defined(WEIGHT_q5_1)
    uint quarters = (words[2u + four] >> (4u * half_)) & 0x0F0F0F0Fu;
    quarters |= spreadBits(words[1] >> (4u * four)) << 4;
#if defined(WEIGHT_q5_0)
    return byteFloats(quarters) - 16.0;
#else
    return byteFloats(quarters);
#endif
#elif defined(WEIGHT_q8_0)
    return signedByteFloats(words[1u + four]);
#elif defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    uint quarters = (words[4u + four] >> (4u * (chunk & 1u))) & 0x0F0F0F0Fu;
#if defined(WEIGHT_q5_K)
    quarters |= ((words[8u + four] >> chunk) & 0x01010101u) << 4;
#endif
    return byteFloats(quarters);
#elif defined(WEIGHT_q6_K)
    uint quarters = (words[2u + four] >> (2u * (chunk & 2u))) & 0x0F0F0F0Fu;
    quarters |= ((words[6u + four] >> (2u * (chunk & 3u))) & 0x03030303u) << 4;
    return byteFloats(quarters) - 32.0;
#endif
}

// Elements 4·four ..< 4·four + 4 of a piece.
vec4 decodeFour(uint words[PIECE_WORDS], uint chunk, uint half_, uint four) {
    vec2 scale = pieceScale(words, chunk);
    return scale.x * pieceIntegers(words, chunk, half_, four) + scale.y;
}
