// Super-blocks of 256 elements as quads of LANES rows; blocks_256.h says where what lies.

// The two factors of a block and, in the last three words, twelve bytes of scales and offsets; the offsets' factor is negative.
INLINE void k_quad_head(lane_blocks blocks, vuint words[4], vfloat *scale, vfloat *minimum) {
    if (blocks.interleaved) {
        half_pairs_at(blocks, 0, scale, minimum);
        for (int i = 1; i < 4; i++) words[i] = words_at(blocks, 4 * i);
    } else {
        strip_at(blocks, 0, words);
        *scale = words_as_halves(words[0] & 0xffff);
        *minimum = words_as_halves(words[0] >> 16);
    }
    *minimum = -*minimum;
}

// The scales and offsets of eight chunks: the first four of each are six bits of bytes 0–3 and 4–7; the last four take four bits from
// bytes 8–11 and the top two bits of bytes 0–7.
INLINE void k_quad_open(lane_blocks blocks, quad_block *state) {
    vuint words[4];
    vfloat scale, minimum;
    k_quad_head(blocks, words, &scale, &minimum);
    vuint scales[2] = {words[1] & 0x3f3f3f3f, (words[3] & 0x0f0f0f0f) | (words[1] >> 2 & 0x30303030)};
    vuint minima[2] = {words[2] & 0x3f3f3f3f, (words[3] >> 4 & 0x0f0f0f0f) | (words[2] >> 2 & 0x30303030)};
    for (int i = 0; i < 8; i++) {
        state->scale[i] = __builtin_convertvector((vint)(scales[i / 4] >> i % 4 * 8 & 255), vfloat) * scale;
        state->offset[i] = __builtin_convertvector((vint)(minima[i / 4] >> i % 4 * 8 & 255), vfloat) * minimum;
    }
}

INLINE void q4_K_quad_open(lane_blocks blocks, quad_block *state) { k_quad_open(blocks, state); }

INLINE void q5_K_quad_open(lane_blocks blocks, quad_block *state) {
    k_quad_open(blocks, state);
    strip_at(blocks, 16, state->fifths);
    strip_at(blocks, 32, state->fifths + 4);
}

// A part is 32 bytes: two chunks, the low nibbles the first, the high nibbles the second.
INLINE void k_quad_part(lane_blocks blocks, int nibbles, int part, quad_block *state) {
    for (int i = 0; i < 2; i++) strip_at(blocks, nibbles + part * 32 + 16 * i, state->low[i]);
}

INLINE void q4_K_quad_part(lane_blocks blocks, int part, quad_block *state) {
    k_quad_part(blocks, 16, part, state);
}

INLINE void q5_K_quad_part(lane_blocks blocks, int part, quad_block *state) {
    k_quad_part(blocks, 48, part, state);
}

INLINE void q4_K_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    for (int i = 0; i < SPAN_QUADS; i++) quads[i] = state->low[i / 4][i % 4] >> chunk % 2 * 4 & 0x0f0f0f0f;
}

INLINE void q5_K_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    q4_K_quads(blocks, state, chunk, quads);
    for (int i = 0; i < SPAN_QUADS; i++) quads[i] |= (state->fifths[i] >> chunk & 0x01010101) << 4;
}

// Sixteen signed scales; the last two bytes of the block are theirs.
INLINE void q6_K_quad_open(lane_blocks blocks, quad_block *state) {
    vfloat scale = last_halves_at(blocks, 208);
    vuint words[4];
    strip_at(blocks, 192, words);
    for (int i = 0; i < 16; i++) {
        vint integer = (vint)(words[i / 4] << (24 - i % 4 * 8)) >> 24;
        state->scale[i] = __builtin_convertvector(integer, vfloat) * scale;
    }
}

// A part is a half of 128 elements: 64 bytes of nibbles, 32 of bit pairs.
INLINE void q6_K_quad_part(lane_blocks blocks, int part, quad_block *state) {
    for (int i = 0; i < 4; i++) strip_at(blocks, part * 64 + 16 * i, state->low[i]);
    for (int i = 0; i < 2; i++) strip_at(blocks, 128 + part * 32 + 16 * i, state->high[i]);
}

INLINE void q6_K_quads(lane_blocks blocks, const quad_block *state, int chunk, vuint quads[SPAN_QUADS]) {
    int quarter = chunk % 4;
    for (int i = 0; i < SPAN_QUADS; i++) {
        vuint low = state->low[quarter % 2 * 2 + i / 4][i % 4] >> quarter / 2 * 4 & 0x0f0f0f0f;
        vuint high = state->high[i / 4][i % 4] >> quarter * 2 & 0x03030303;
        quads[i] = low | high << 4;
    }
}
