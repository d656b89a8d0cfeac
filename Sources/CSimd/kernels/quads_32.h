// Weights in blocks of 32 elements, as quads of LANES rows: byte j of the low nibbles holds element j, of the high nibbles j + 16. (What a
// type is made of: rounded.h.)

// What the scales, offsets and bytes of a block, or a part of one, become: lanes are rows.
typedef struct {
    // Of each 32 elements, or 16.
    vfloat scale[16];
    vfloat offset[8];
    // Bit c of element j is the fifth of element j of chunk c.
    vuint fifths[8];
    // Strips of 16 bytes.
    vuint low[4][4];
    vuint high[2][4];
} quad_block;

INLINE void nibble_quads(lane_blocks blocks, int offset, vuint quads[SPAN_QUADS]) {
    vuint strip[4];
    strip_at(blocks, offset, strip);
    for (int i = 0; i < 4; i++) {
        quads[i] = strip[i] & 0x0f0f0f0f;
        quads[4 + i] = strip[i] >> 4 & 0x0f0f0f0f;
    }
}

// Adds the fifth bits, of which bit j of four bytes is that of element j.
INLINE void add_fifth_bits(lane_blocks blocks, int offset, vuint quads[SPAN_QUADS]) {
    typedef uint8_t vbytes __attribute__((vector_size(4 * LANES)));
    vuint words = words_at(blocks, offset);
    for (int i = 0; i < 4; i++) {
        // The bits of two quads in each of their bytes, out of which a byte takes its own.
        vuint bits = words >> 8 * i & 255;
        bits |= bits << 8;
        bits |= bits << 16;
        for (int part = 0; part < 2; part++) {
            vuint own = (vuint){0} + (part == 0 ? 0x08040201u : 0x80402010u);
            quads[2 * i + part] |= (vuint)((vbytes)(bits & own) == (vbytes)own) & 0x10101010;
        }
    }
}

INLINE void q4_0_quad_open(lane_blocks blocks, quad_block *state) { state->scale[0] = first_halves_at(blocks, 0); }
INLINE void q4_1_quad_open(lane_blocks blocks, quad_block *state) {
    half_pairs_at(blocks, 0, &state->scale[0], &state->offset[0]);
}
INLINE void q5_0_quad_open(lane_blocks blocks, quad_block *state) { state->scale[0] = first_halves_at(blocks, 0); }
INLINE void q5_1_quad_open(lane_blocks blocks, quad_block *state) {
    half_pairs_at(blocks, 0, &state->scale[0], &state->offset[0]);
}
INLINE void q8_0_quad_open(lane_blocks blocks, quad_block *state) { state->scale[0] = first_halves_at(blocks, 0); }

INLINE void q4_0_quad_part(lane_blocks blocks, int part, quad_block *state) {}
INLINE void q4_1_quad_part(lane_blocks blocks, int part, quad_block *state) {}
INLINE void q5_0_quad_part(lane_blocks blocks, int part, quad_block *state) {}
INLINE void q5_1_quad_part(lane_blocks blocks, int part, quad_block *state) {}
INLINE void q8_0_quad_part(lane_blocks blocks, int part, quad_block *state) {}

INLINE void q4_0_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    nibble_quads(blocks, 2, quads);
}

INLINE void q4_1_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    nibble_quads(blocks, 4, quads);
}

INLINE void q5_0_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    nibble_quads(blocks, 6, quads);
    add_fifth_bits(blocks, 2, quads);
}

INLINE void q5_1_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    nibble_quads(blocks, 8, quads);
    add_fifth_bits(blocks, 4, quads);
}

INLINE void q8_0_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    strip_at(blocks, 2, quads);
    strip_at(blocks, 18, quads + 4);
    if (!SIGNED_BYTES)
        for (int i = 0; i < SPAN_QUADS; i++) quads[i] ^= 0x80808080;
}
