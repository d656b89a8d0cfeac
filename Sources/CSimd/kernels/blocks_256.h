// Quantised super-blocks of 256 elements ("k-quants", ggml-common.h), whose scales are themselves quantised.

typedef struct {
    // For each chunk of 32 elements.
    float scale[8];
    float offset[8];
} k_header;

typedef k_header q4_K_header, q5_K_header;

typedef struct {
    // For each 16 elements.
    float scale[16];
} q6_K_header;

enum {
    q4_K_bytes = 144,
    q5_K_bytes = 176,
    q6_K_bytes = 210,
    q4_K_chunks = 8,
    q5_K_chunks = 8,
    q6_K_chunks = 8,
    q4_K_group = 1,
    q5_K_group = 1,
    q6_K_group = 1,
};

// f16 scale of scales, f16 scale of minima, 12 bytes with eight six-bit scales and eight six-bit minima. The first four of each
// are the low six bits of bytes 0–3 and 4–7; the last four take four bits from bytes 8–11 and the top two bits of bytes 0–7.
INLINE void k_open(const uint8_t *block, k_header *header) {
    typedef uint8_t byte8 __attribute__((vector_size(8)));
    typedef float float8 __attribute__((vector_size(32)));
    float scale = half_value(read16(block)), minimum = half_value(read16(block + 2));
    uint32_t word[3];
    memcpy(word, block + 4, sizeof word);
    uint32_t scales[2] = {word[0] & 0x3f3f3f3f, (word[2] & 0x0f0f0f0f) | (word[0] >> 2 & 0x30303030)};
    uint32_t minima[2] = {word[1] & 0x3f3f3f3f, (word[2] >> 4 & 0x0f0f0f0f) | (word[1] >> 2 & 0x30303030)};
    byte8 scale_bytes, minimum_bytes;
    memcpy(&scale_bytes, scales, sizeof scales);
    memcpy(&minimum_bytes, minima, sizeof minima);
    float8 scale_values = __builtin_convertvector(scale_bytes, float8) * scale;
    float8 offset_values = __builtin_convertvector(minimum_bytes, float8) * -minimum;
    memcpy(header->scale, &scale_values, sizeof scale_values);
    memcpy(header->offset, &offset_values, sizeof offset_values);
}

INLINE void q4_K_open(const uint8_t *block, size_t count, q4_K_header *header) { k_open(block, header); }
INLINE void q5_K_open(const uint8_t *block, size_t count, q5_K_header *header) { k_open(block, header); }

// 128 bytes of nibbles: 32 bytes hold two chunks, the low nibbles the first, the high nibbles the second.
INLINE void q4_K_chunk(const uint8_t *block, const q4_K_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    vfloat scale = splat(header->scale[chunk]), offset = splat(header->offset[chunk]);
#if LANES == 16
    vfloat table = fused(__builtin_convertvector((vint)SEQUENCE, vfloat), scale, offset);
#endif
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vint integers = wide_bytes(block + 16 + chunk / 2 * 32 + LANES * i) >> chunk % 2 * 4;
#if LANES == 16
        values[i] = (vfloat)_mm512_permutexvar_ps((__m512i)integers, (__m512)table);
#else
        values[i] = fused(__builtin_convertvector(integers & 15, vfloat), scale, offset);
#endif
    }
}

// 32 bytes of fifth bits come before the nibbles: bit c of byte l belongs to element l of chunk c.
INLINE void q5_K_chunk(const uint8_t *block, const q5_K_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    vfloat scale = splat(header->scale[chunk]), offset = splat(header->offset[chunk]);
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vint nibbles = wide_bytes(block + 48 + chunk / 2 * 32 + LANES * i) >> chunk % 2 * 4 & 15;
        vint fifth = wide_bytes(block + 16 + LANES * i) >> chunk & 1;
        values[i] = fused(__builtin_convertvector(nibbles | fifth << 4, vfloat), scale, offset);
    }
}

// 128 bytes of low nibbles, 64 bytes of high bit pairs, sixteen signed scales, f16 scale of scales.
INLINE void q6_K_open(const uint8_t *block, size_t count, q6_K_header *header) {
    float scale = half_value(read16(block + 208));
    for (int i = 0; i < 16; i += LANES) {
        vsbyte bytes;
        memcpy(&bytes, block + 192 + i, sizeof bytes);
        store(header->scale + i, __builtin_convertvector(__builtin_convertvector(bytes, vint), vfloat) * splat(scale));
    }
}

// Each half of 128 elements takes 64 bytes of nibbles and 32 bytes of bit pairs: elements l, l + 32, l + 64, l + 96 share byte l
// of the pairs, and elements 64 apart share a byte of nibbles.
INLINE void q6_K_chunk(const uint8_t *block, const q6_K_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    int part = chunk / 4, quarter = chunk % 4;
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vint low = wide_bytes(block + part * 64 + quarter % 2 * 32 + LANES * i) >> quarter / 2 * 4 & 15;
        vint high = wide_bytes(block + 128 + part * 32 + LANES * i) >> quarter * 2 & 3;
        float scale = header->scale[chunk * 2 + i * LANES / 16];
        values[i] = __builtin_convertvector((low | high << 4) - 32, vfloat) * scale;
    }
}
