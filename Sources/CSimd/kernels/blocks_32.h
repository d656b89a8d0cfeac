// Quantised blocks of 32 elements (ggml-common.h): nibble j of the first half holds element j, of the second half j + 16.

typedef struct {
    vfloat scale;
    vfloat offset;
} block32_header;

typedef block32_header q4_0_header, q4_1_header, q5_0_header, q5_1_header, q8_0_header;

enum {
    q4_0_bytes = 18,
    q4_1_bytes = 20,
    q5_0_bytes = 22,
    q5_1_bytes = 24,
    q8_0_bytes = 34,
    q4_0_chunks = 1,
    q4_1_chunks = 1,
    q5_0_chunks = 1,
    q5_1_chunks = 1,
    q8_0_chunks = 1,
    q4_0_group = 1,
    q4_1_group = 1,
    q5_0_group = 1,
    q5_1_group = 1,
    q8_0_group = 1,
};

// A type without an offset is centred: d·(q − c) = d·q + (−c·d), where both products are exact in f32.
INLINE void centred_header(const uint8_t *block, float centre, block32_header *header) {
    vhalf bits = {read16(block)};
    header->scale = half_values(SHUFFLE(bits, bits, FIRST_LANE));
    header->offset = header->scale * -centre;
}

// Both f16 numbers are converted at once.
INLINE void offset_header(const uint8_t *block, block32_header *header) {
    typedef uint32_t vpairs __attribute__((vector_size(2 * LANES)));
    uint32_t bits;
    memcpy(&bits, block, sizeof bits);
    vpairs pairs;
    for (int i = 0; i < LANES / 2; i++) pairs[i] = bits;
    vfloat both = half_values((vhalf)pairs);
    header->scale = SHUFFLE(both, both, EVENS_TWICE);
    header->offset = SHUFFLE(both, both, ODDS_TWICE);
}

INLINE void q4_0_open(const uint8_t *block, size_t count, q4_0_header *header) {
    centred_header(block, 8, header);
}
INLINE void q4_1_open(const uint8_t *block, size_t count, q4_1_header *header) {
    offset_header(block, header);
}
INLINE void q5_0_open(const uint8_t *block, size_t count, q5_0_header *header) {
    centred_header(block, 16, header);
}
INLINE void q5_1_open(const uint8_t *block, size_t count, q5_1_header *header) {
    offset_header(block, header);
}
INLINE void q8_0_open(const uint8_t *block, size_t count, q8_0_header *header) {
    centred_header(block, 0, header);
}

// The 32 elements of 16 bytes of nibbles. With sixteen lanes the sixteen values that a nibble can stand for fill a vector, out of
// which it picks one.
INLINE void nibble_values(const uint8_t *bytes, vfloat scale, vfloat offset, vfloat values[CHUNK_VECTORS]) {
#if LANES == 16
    vint wide = wide_bytes(bytes);
    vfloat table = fused(__builtin_convertvector((vint)SEQUENCE, vfloat), scale, offset);
    values[0] = (vfloat)_mm512_permutexvar_ps((__m512i)wide, (__m512)table);
    values[1] = (vfloat)_mm512_permutexvar_ps((__m512i)(wide >> 4), (__m512)table);
#else
    for (int i = 0; i < CHUNK_VECTORS / 2; i++) {
        vint wide = wide_bytes(bytes + LANES * i);
        values[i] = fused(__builtin_convertvector(wide & 15, vfloat), scale, offset);
        values[i + CHUNK_VECTORS / 2] = fused(__builtin_convertvector(wide >> 4, vfloat), scale, offset);
    }
#endif
}

// The same with a fifth bit: bit j of four bytes is that of element j.
INLINE void five_bit_values(
    const uint8_t *fifths, const uint8_t *bytes, vfloat scale, vfloat offset, vfloat values[CHUNK_VECTORS]) {
    int32_t bits;
    memcpy(&bits, fifths, sizeof bits);
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vint wide = wide_bytes(bytes + LANES * (i % (CHUNK_VECTORS / 2)));
        vint nibble = i < CHUNK_VECTORS / 2 ? wide & 15 : wide >> 4;
        vint bit = splat_int(1) << ((vint)SEQUENCE + i * LANES);
        vint fifth = ((splat_int(bits) & bit) != 0) & 16;
        values[i] = fused(__builtin_convertvector(nibble | fifth, vfloat), scale, offset);
    }
}

INLINE void q4_0_chunk(const uint8_t *block, const q4_0_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    nibble_values(block + 2, header->scale, header->offset, values);
}

INLINE void q4_1_chunk(const uint8_t *block, const q4_1_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    nibble_values(block + 4, header->scale, header->offset, values);
}

INLINE void q5_0_chunk(const uint8_t *block, const q5_0_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    five_bit_values(block + 2, block + 6, header->scale, header->offset, values);
}

INLINE void q5_1_chunk(const uint8_t *block, const q5_1_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    five_bit_values(block + 4, block + 8, header->scale, header->offset, values);
}

INLINE void q8_0_chunk(const uint8_t *block, const q8_0_header *header, size_t b, int chunk, vfloat values[CHUNK_VECTORS]) {
    for (int i = 0; i < CHUNK_VECTORS; i++) {
        vsbyte bytes;
        memcpy(&bytes, block + 2 + LANES * i, sizeof bytes);
        values[i] = __builtin_convertvector(__builtin_convertvector(bytes, vint), vfloat) * header->scale;
    }
}
