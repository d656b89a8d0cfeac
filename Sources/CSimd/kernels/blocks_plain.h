// Weights that are stored as numbers, in blocks of 32 for the kernels' sake.
//
// A type T with blocks is:
//
// T_bytes    the bytes of a block
// T_chunks   its chunks of 32 elements
// T_group    the blocks whose scales are read together
// T_header   what the scales of a group become
// T_open     reads the scales of `count` blocks, at most T_group
// T_chunk    decodes chunk `chunk` of the block that is number `b` of its group to CHUNK_VECTORS vectors
//
// The dot and decode kernels are made of these.

enum { CHUNK = 32, CHUNK_VECTORS = CHUNK / LANES };

typedef struct {
    // Nothing: numbers have no scales.
} plain_header;

typedef plain_header f32_header, f16_header, bf16_header;

enum {
    f32_bytes = 4 * CHUNK,
    f16_bytes = 2 * CHUNK,
    bf16_bytes = 2 * CHUNK,
    f32_chunks = 1,
    f16_chunks = 1,
    bf16_chunks = 1,
    f32_group = 16,
    f16_group = 16,
    bf16_group = 16,
};

INLINE void f32_open(const uint8_t *block, size_t count, f32_header *header) {}
INLINE void f16_open(const uint8_t *block, size_t count, f16_header *header) {}
INLINE void bf16_open(const uint8_t *block, size_t count, bf16_header *header) {}

INLINE void f32_chunk(const uint8_t *block, const f32_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    memcpy(values, block, f32_bytes);
}

INLINE void f16_chunk(const uint8_t *block, const f16_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vhalf bits;
        memcpy(&bits, block + 2 * LANES * i, sizeof bits);
        values[i] = half_values(bits);
    }
}

// The upper half of an f32.
INLINE void bf16_chunk(const uint8_t *block, const bf16_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vhalf bits;
        memcpy(&bits, block + 2 * LANES * i, sizeof bits);
        values[i] = (vfloat)(__builtin_convertvector(bits, vuint) << 16);
    }
}
