// Rows of quantised weights in an order of their own, LANES of them together: block by block, and within a block item by item, an item
// of every row side by side. Items are words of 32 bits, and the f16 that a block begins or ends with. So a vector of rows' integers is
// one load, where rows that lie one after the other are transposed in registers, and what a product reads lies in one stretch. The bytes
// are the same and as many, but that the last LANES rows, where they are not whole, begin earlier and repeat some.

typedef struct {
    uint16_t bytes;
    // The f16 at the beginning and at the end; in between are words.
    uint16_t first_halves;
    uint16_t last_halves;
} interleaved_block;

static const interleaved_block interleaved_blocks[MONGE_WEIGHT_TYPES] = {
    [MONGE_Q4_0] = {18, 1, 0}, [MONGE_Q4_1] = {20, 2, 0},  [MONGE_Q5_0] = {22, 1, 0},  [MONGE_Q5_1] = {24, 2, 0},
    [MONGE_Q8_0] = {34, 1, 0}, [MONGE_Q4_K] = {144, 2, 0}, [MONGE_Q5_K] = {176, 2, 0}, [MONGE_Q6_K] = {210, 0, 1},
};

INLINE size_t interleaved_group_row(const monge_linear *linear, size_t group) {
    size_t row = group * LANES, last = linear->epilogue.channels - LANES;
    return row < last ? row : last;
}

// Moves items of `size` bytes, at byte `offset` of each block, to or from their places among LANES rows.
INLINE void move_items(uint8_t *rows, size_t stride, uint8_t *group, size_t offset, size_t size, bool back) {
    _Pragma("unroll") for (size_t lane = 0; lane < LANES; lane++) {
        uint8_t *item = rows + lane * stride + offset, *place = group + offset * LANES + lane * size;
        if (back) memcpy(item, place, size);
        else memcpy(place, item, size);
    }
}

INLINE void move_groups(const monge_linear *linear, size_t first, size_t end, uint8_t *rows, uint8_t *groups, bool back) {
    interleaved_block type = interleaved_blocks[linear->type];
    size_t stride = linear->weight_row_bytes, words = 2 * type.first_halves, words_end = type.bytes - 2 * type.last_halves;
    for (size_t g = first; g < end; g++) {
        uint8_t *row = rows + interleaved_group_row(linear, g) * stride, *group = groups + g * LANES * stride;
        for (size_t b = 0; b < stride / type.bytes; b++, row += type.bytes, group += type.bytes * LANES) {
            for (size_t o = 0; o < words; o += 2) move_items(row, stride, group, o, 2, back);
            for (size_t o = words; o < words_end; o += 4) move_items(row, stride, group, o, 4, back);
            for (size_t o = words_end; o < type.bytes; o += 2) move_items(row, stride, group, o, 2, back);
        }
    }
}

static void interleave(const monge_linear *linear, size_t first, size_t end, uint8_t *groups) {
    move_groups(linear, first, end, (uint8_t *)linear->weight, groups, false);
}

static void restore(const monge_linear *linear, size_t first, size_t end, uint8_t *rows) {
    move_groups(linear, first, end, rows, (uint8_t *)linear->weight, true);
}
