// Weights in flight into a tile: FETCH_PIECE loads what a piece of a row is stored as, `decodeFour` makes floats of it later, so that the
// loads of the next tile are under way while this one is multiplied. DECODE_CHUNK does both, for a chunk of 32 weights.
//
// A piece is PIECE consecutive elements: 8 of a plain type, which are one or two loads of 16 bytes, or half a chunk of a quantised one.
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
#ifdef WEIGHT_IS_BYTES
const uint PIECE_HIGH = 4;
#else
const uint PIECE_HIGH = 2;
#endif
// The first word of the scales: scale and minimum as f16; of q6_K d and an integer; d and m of q4_K and q5_K and their three words of
// scales.
const uint PIECE_SCALE = PIECE_HIGH + (WEIGHT_HIGH_BITS == 0 ? 0u : 1u);
#if defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
const uint PIECE_WORDS = PIECE_SCALE + 4u;
#elif defined(WEIGHT_q6_K)
const uint PIECE_WORDS = PIECE_SCALE + 2u;
#else
const uint PIECE_WORDS = PIECE_SCALE + 1u;
#endif
#endif

#ifdef WEIGHT_IS_PLAIN

// The 8 elements at `eight`, the first of their words.
#define FETCH_PIECE(words, weight, slot, element) \
    [[unroll]] for (uint word_ = 0; word_ < PIECE_WORDS / 4u; word_++) { \
        uvec4 four_ = WEIGHT_AT(WeightFours, weight, slot, (element) / 8u * (PIECE_WORDS / 4u), word_, 16u); \
        [[unroll]] for (uint j_ = 0; j_ < 4; j_++) words[4u * word_ + j_] = four_[j_]; \
    }

#else

#ifdef WEIGHT_IS_BYTES
#define FETCH_LOW(words, weight, slot, chunk, half_) \
    { \
        uvec4 four_ = WeightFours(weight)[AT(slot, integerUnit(chunk, half_), 16u)].value; \
        [[unroll]] for (uint j_ = 0; j_ < 4; j_++) words[j_] = four_[j_]; \
    }
#else
#define FETCH_LOW(words, weight, slot, chunk, half_) \
    { \
        uvec2 two_ = WeightTwos(weight)[AT(slot, 2u * integerUnit(chunk, half_) + (chunk & 1u), 8u)].value; \
        words[0] = two_.x; \
        words[1] = two_.y; \
    }
#endif

#if WEIGHT_HIGH_BITS == 1
#define FETCH_HIGH(words, weight, slot, chunk, half_) \
    words[PIECE_HIGH] = WeightWords(weight)[AT( \
                            slot, 4u * (groupUnit(chunk) + HIGH_UNIT) + 2u * groupLane(chunk, half_) + (chunk / 2u & 1u), 4u)].value \
                        >> (4u * (chunk & 1u));
#elif WEIGHT_HIGH_BITS == 2
#define FETCH_HIGH(words, weight, slot, chunk, half_) \
    words[PIECE_HIGH] = WeightWords(weight)[AT(slot, 4u * (groupUnit(chunk) + HIGH_UNIT + groupLane(chunk, half_)) + (chunk & 3u), 4u)].value;
#else
#define FETCH_HIGH(words, weight, slot, chunk, half_)
#endif

#if defined(WEIGHT_q4_0) || defined(WEIGHT_q5_0) || defined(WEIGHT_q8_0)
#define FETCH_SCALE(words, weight, slot, chunk, half_) \
    words[PIECE_SCALE] = uint(WeightShorts(weight)[AT(slot, 8u * (groupUnit(chunk) + SCALE_UNIT) + (chunk & 7u), 2u)].value);
#elif defined(WEIGHT_q4_1) || defined(WEIGHT_q5_1)
#define FETCH_SCALE(words, weight, slot, chunk, half_) \
    words[PIECE_SCALE] = WeightWords(weight)[AT(slot, 4u * (groupUnit(chunk) + SCALE_UNIT) + (chunk & 7u), 4u)].value;
#elif defined(WEIGHT_q6_K)
#define FETCH_SCALE(words, weight, slot, chunk, half_) \
    words[PIECE_SCALE] = uint(WeightShorts(weight)[AT(slot, blockScaleShort(chunk), 2u)].value); \
    words[PIECE_SCALE + 1u] = WeightWords(weight)[AT(slot, 4u * (groupUnit(chunk) + SCALE_UNIT) + groupLane(chunk, half_), 4u)].value \
                              >> (8u * (chunk & 3u));
#else
#define FETCH_SCALE(words, weight, slot, chunk, half_) \
    { \
        uvec4 head_ = WeightFours(weight)[AT(slot, groupUnit(chunk) + SCALE_UNIT, 16u)].value; \
        [[unroll]] for (uint j_ = 0; j_ < 4; j_++) words[PIECE_SCALE + j_] = head_[j_]; \
    }
#endif

// The half chunk at `element`.
#define FETCH_PIECE(words, weight, slot, element) \
    { \
        uint chunk_ = (element) / 32u; \
        uint half_ = ((element) / 16u) & 1u; \
        FETCH_LOW(words, weight, slot, chunk_, half_) \
        FETCH_HIGH(words, weight, slot, chunk_, half_) \
        FETCH_SCALE(words, weight, slot, chunk_, half_) \
    }

#endif

// Scale and offset of a piece of a chunk: scale · integers + offset; plain types are their own integers.
vec2 pieceScale(uint words[PIECE_WORDS], uint chunk) {
#ifdef WEIGHT_IS_PLAIN
    return vec2(1.0, 0.0);
#elif defined(WEIGHT_q4_1) || defined(WEIGHT_q5_1)
    return unpackHalf2x16(words[PIECE_SCALE]);
#elif defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    uvec2 scales = fourScales(words[PIECE_SCALE + 1u], words[PIECE_SCALE + 2u], words[PIECE_SCALE + 3u], (chunk & 4u) != 0u);
    return unpackHalf2x16(words[PIECE_SCALE]) * vec2((scales >> (8u * (chunk & 3u))) & 63u) * vec2(1.0, -1.0);
#elif defined(WEIGHT_q6_K)
    return vec2(halfBits(words[PIECE_SCALE]) * float(bitfieldExtract(int(words[PIECE_SCALE + 1u]), 0, 8)), 0.0);
#else
    return vec2(halfBits(words[PIECE_SCALE]), 0.0);
#endif
}

// Integers 4·four ..< 4·four + 4 of a piece.
vec4 pieceIntegers(uint words[PIECE_WORDS], uint four) {
#if defined(WEIGHT_f32)
    return uintBitsToFloat(uvec4(words[4u * four], words[4u * four + 1u], words[4u * four + 2u], words[4u * four + 3u]));
#elif defined(WEIGHT_f16)
    return vec4(unpackHalf2x16(words[2u * four]), unpackHalf2x16(words[2u * four + 1u]));
#elif defined(WEIGHT_bf16)
    uvec2 pairs = uvec2(words[2u * four], words[2u * four + 1u]);
    return uintBitsToFloat(uvec4(pairs.x << 16, pairs.x & 0xFFFF0000u, pairs.y << 16, pairs.y & 0xFFFF0000u));
#elif defined(WEIGHT_IS_BYTES)
    return fourFloats(words[four]);
#else
    return fourFloats(fourIntegers(words[four / 2u], words[PIECE_HIGH], four)) - float(WEIGHT_BIAS);
#endif
}

// Elements 4·four ..< 4·four + 4 of a piece.
vec4 decodeFour(uint words[PIECE_WORDS], uint chunk, uint four) {
    vec2 scale = pieceScale(words, chunk);
    return scale.x * pieceIntegers(words, four) + scale.y;
}

// Elements 32·chunk ..< 32·(chunk + 1) of a tensor, to float w[32].
#define DECODE_CHUNK(w, weight, slot, chunk) \
    { \
        uint decoded_ = chunk; \
        [[unroll]] for (uint piece_ = 0; piece_ < 32u / PIECE; piece_++) { \
            uint words_[PIECE_WORDS]; \
            FETCH_PIECE(words_, weight, slot, 32u * decoded_ + PIECE * piece_) \
            [[unroll]] for (uint f_ = 0; f_ < PIECE / 4u; f_++) { \
                vec4 floats_ = decodeFour(words_, decoded_, f_); \
                [[unroll]] for (uint k_ = 0; k_ < 4; k_++) w[PIECE * piece_ + 4u * f_ + k_] = floats_[k_]; \
            } \
        } \
    }
