// How each weight type is read: `decodeChunk` gives 32 consecutive elements of a row as f32. Every kernel that meets a weight
// decodes it here.
//
// The kernel declares variants WEIGHT = f32 f16 … and an argument of type WeightBlocks, a sequence of blocks; a block holds
// BLOCK_CHUNKS chunks. Rows of the plain types whose length is no multiple of 32 are read by element instead. Layouts of the
// quantised types are those of ggml-common.h: d is the scale of a block, m its minimum. Blocks that are no multiple of four bytes
// are read in halves of a word, since a device need not load across its alignment.
#pragma once

#if defined(WEIGHT_f32)
#define BLOCK_ALIGN 16
struct WeightBlock { u64vec2 elements[8]; };
#define WEIGHT_IS_PLAIN 1
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer WeightElements { float value; };
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
#define BLOCK_ALIGN 16
struct WeightBlock { u64vec2 elements[4]; };
#define WEIGHT_IS_PLAIN 1
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer WeightElements { uint16_t value; };
#elif defined(WEIGHT_q4_0)
#define BLOCK_ALIGN 2
struct WeightBlock { uint16_t d; uint16_t nibbles[8]; };
#elif defined(WEIGHT_q4_1)
#define BLOCK_ALIGN 4
struct WeightBlock { uint dm; uint nibbles[4]; };
#elif defined(WEIGHT_q5_0)
#define BLOCK_ALIGN 2
struct WeightBlock { uint16_t d; uint16_t high[2]; uint16_t nibbles[8]; };
#elif defined(WEIGHT_q5_1)
#define BLOCK_ALIGN 4
struct WeightBlock { uint dm; uint high; uint nibbles[4]; };
#elif defined(WEIGHT_q8_0)
#define BLOCK_ALIGN 2
struct WeightBlock { uint16_t d; uint16_t pairs[16]; };
#elif defined(WEIGHT_q4_K)
#define BLOCK_ALIGN 4
struct WeightBlock { uint dm; uint scales[3]; uint nibbles[32]; };
#elif defined(WEIGHT_q5_K)
#define BLOCK_ALIGN 4
struct WeightBlock { uint dm; uint scales[3]; uint high[8]; uint nibbles[32]; };
#elif defined(WEIGHT_q6_K)
#define BLOCK_ALIGN 2
struct WeightBlock { uint16_t low[64]; uint16_t high[32]; uint16_t scales[8]; uint16_t d; };
#else
#error the variant WEIGHT is none of the weight types
#endif

#if defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K) || defined(WEIGHT_q6_K)
#define BLOCK_CHUNKS 8u
#else
#define BLOCK_CHUNKS 1u
#endif

layout(buffer_reference, scalar, buffer_reference_align = BLOCK_ALIGN) readonly buffer WeightBlocks { WeightBlock value; };

#if defined(WEIGHT_f32)
const uint WEIGHT_BLOCK_BYTES = 128;
const uint WEIGHT_ELEMENT_BYTES = 4;
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
const uint WEIGHT_BLOCK_BYTES = 64;
const uint WEIGHT_ELEMENT_BYTES = 2;
#elif defined(WEIGHT_q4_0)
const uint WEIGHT_BLOCK_BYTES = 18;
#elif defined(WEIGHT_q4_1)
const uint WEIGHT_BLOCK_BYTES = 20;
#elif defined(WEIGHT_q5_0)
const uint WEIGHT_BLOCK_BYTES = 22;
#elif defined(WEIGHT_q5_1)
const uint WEIGHT_BLOCK_BYTES = 24;
#elif defined(WEIGHT_q8_0)
const uint WEIGHT_BLOCK_BYTES = 34;
#elif defined(WEIGHT_q4_K)
const uint WEIGHT_BLOCK_BYTES = 144;
#elif defined(WEIGHT_q5_K)
const uint WEIGHT_BLOCK_BYTES = 176;
#elif defined(WEIGHT_q6_K)
const uint WEIGHT_BLOCK_BYTES = 210;
#endif

float halfBits(uint bits) { return unpackHalf2x16(bits).x; }

#if defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
// Scale and minimum j of the eight that are packed as 6-bit numbers in 12 bytes (get_scale_min_k4 of ggml).
uvec2 unpackScale(uint word0, uint word1, uint word2, uint j) {
    uint shift = 8u * (j & 3u);
    uint first = word0 >> shift;
    uint second = word1 >> shift;
    uint third = word2 >> shift;
    uvec2 plain = uvec2(first & 63u, second & 63u);
    uvec2 split = uvec2((third & 15u) | (((first >> 6) & 3u) << 4), ((third >> 4) & 15u) | (((second >> 6) & 3u) << 4));
    return j < 4u ? plain : split;
}

uvec2 packedScale(WeightBlocks block, uint j) {
    return unpackScale(block.value.scales[0], block.value.scales[1], block.value.scales[2], j);
}
#endif

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
#endif

// Elements 32·chunk ..< 32·(chunk + 1) of a block.
void decodeChunk(WeightBlocks block, uint chunk, out float w[32]) {
#if defined(WEIGHT_f32)
    [[unroll]] for (uint i = 0; i < 8; i++) {
        u64vec2 four = block.value.elements[i];
        uvec2 low = unpackUint2x32(four.x);
        uvec2 high = unpackUint2x32(four.y);
        w[4 * i] = uintBitsToFloat(low.x);
        w[4 * i + 1] = uintBitsToFloat(low.y);
        w[4 * i + 2] = uintBitsToFloat(high.x);
        w[4 * i + 3] = uintBitsToFloat(high.y);
    }
#elif defined(WEIGHT_f16) || defined(WEIGHT_bf16)
    [[unroll]] for (uint i = 0; i < 4; i++) {
        u64vec2 eight = block.value.elements[i];
        uvec4 words = uvec4(unpackUint2x32(eight.x), unpackUint2x32(eight.y));
        [[unroll]] for (uint j = 0; j < 4; j++) {
#if defined(WEIGHT_f16)
            vec2 pair = unpackHalf2x16(words[j]);
#else
            vec2 pair = vec2(uintBitsToFloat(words[j] << 16), uintBitsToFloat(words[j] & 0xFFFF0000u));
#endif
            w[8 * i + 2 * j] = pair.x;
            w[8 * i + 2 * j + 1] = pair.y;
        }
    }
#elif defined(WEIGHT_q4_0)
    float d = halfBits(uint(block.value.d));
    [[unroll]] for (uint i = 0; i < 8; i++) {
        uint four = uint(block.value.nibbles[i]);
        w[2 * i] = d * float(int(four & 15u) - 8);
        w[2 * i + 1] = d * float(int((four >> 8) & 15u) - 8);
        w[2 * i + 16] = d * float(int((four >> 4) & 15u) - 8);
        w[2 * i + 17] = d * float(int(four >> 12) - 8);
    }
#elif defined(WEIGHT_q4_1)
    vec2 dm = unpackHalf2x16(block.value.dm);
    [[unroll]] for (uint i = 0; i < 4; i++) {
        uint eight = block.value.nibbles[i];
        [[unroll]] for (uint j = 0; j < 4; j++) {
            w[4 * i + j] = dm.x * float(int((eight >> (8 * j)) & 15u)) + dm.y;
            w[4 * i + j + 16] = dm.x * float(int((eight >> (8 * j + 4)) & 15u)) + dm.y;
        }
    }
#elif defined(WEIGHT_q5_0)
    float d = halfBits(uint(block.value.d));
    uint high = uint(block.value.high[0]) | (uint(block.value.high[1]) << 16);
    [[unroll]] for (uint i = 0; i < 8; i++) {
        uint four = uint(block.value.nibbles[i]);
        [[unroll]] for (uint j = 0; j < 2; j++) {
            uint k = 2 * i + j;
            uint low = ((four >> (8 * j)) & 15u) | (((high >> k) & 1u) << 4);
            uint upper = ((four >> (8 * j + 4)) & 15u) | (((high >> (k + 16)) & 1u) << 4);
            w[k] = d * float(int(low) - 16);
            w[k + 16] = d * float(int(upper) - 16);
        }
    }
#elif defined(WEIGHT_q5_1)
    vec2 dm = unpackHalf2x16(block.value.dm);
    uint high = block.value.high;
    [[unroll]] for (uint i = 0; i < 4; i++) {
        uint eight = block.value.nibbles[i];
        [[unroll]] for (uint j = 0; j < 4; j++) {
            uint k = 4 * i + j;
            uint low = ((eight >> (8 * j)) & 15u) | (((high >> k) & 1u) << 4);
            uint upper = ((eight >> (8 * j + 4)) & 15u) | (((high >> (k + 16)) & 1u) << 4);
            w[k] = dm.x * float(int(low)) + dm.y;
            w[k + 16] = dm.x * float(int(upper)) + dm.y;
        }
    }
#elif defined(WEIGHT_q8_0)
    float d = halfBits(uint(block.value.d));
    [[unroll]] for (uint i = 0; i < 16; i++) {
        uint pair = uint(block.value.pairs[i]);
        w[2 * i] = d * float(bitfieldExtract(int(pair), 0, 8));
        w[2 * i + 1] = d * float(bitfieldExtract(int(pair), 8, 8));
    }
#elif defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    vec2 dm = unpackHalf2x16(block.value.dm);
    uvec2 packed = packedScale(block, chunk);
    float d = dm.x * float(int(packed.x));
    float m = dm.y * float(int(packed.y));
    // Two chunks share 32 bytes, one in the low and one in the high nibbles.
    uint first = 8u * (chunk >> 1);
    uint shift = 4u * (chunk & 1u);
    [[unroll]] for (uint i = 0; i < 8; i++) {
        uint nibbles = (block.value.nibbles[first + i] >> shift) & 0x0F0F0F0Fu;
#if defined(WEIGHT_q5_K)
        nibbles |= ((block.value.high[i] >> chunk) & 0x01010101u) << 4;
#endif
        [[unroll]] for (uint j = 0; j < 4; j++) {
            w[4 * i + j] = d * float(int((nibbles >> (8 * j)) & 31u)) - m;
        }
    }
#elif defined(WEIGHT_q6_K)
    float d = halfBits(uint(block.value.d));
    // Each half of a block is four chunks over 64 bytes of low nibbles and 32 bytes of high bit pairs.
    uint part = chunk >> 2;
    uint quarter = chunk & 3u;
    uint low = 32u * part + 16u * (quarter & 1u);
    uint lowShift = 4u * (quarter >> 1);
    uint high = 16u * part;
    uint highShift = 2u * quarter;
    int scales = int(uint(block.value.scales[chunk]));
    float firstScale = d * float(bitfieldExtract(scales, 0, 8));
    float secondScale = d * float(bitfieldExtract(scales, 8, 8));
    [[unroll]] for (uint i = 0; i < 16; i++) {
        uint pair = (uint(block.value.low[low + i]) >> lowShift) & 0x0F0Fu;
        pair |= ((uint(block.value.high[high + i]) >> highShift) & 0x0303u) << 4;
        float scale = i < 8 ? firstScale : secondScale;
        w[2 * i] = scale * float(int(pair & 63u) - 32);
        w[2 * i + 1] = scale * float(int(pair >> 8) - 32);
    }
#endif
}
