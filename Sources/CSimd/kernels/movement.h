// Planes of elements moved from one layout to another, bit for bit: to[r · to_row + c · to_column] = from[r · from_row + c · from_column].

// Moves less than 64 bytes, by sizes that the compiler knows: each is an instruction or two, where memcpy would be a call.
INLINE void move_part(void *to, const void *from, size_t bytes) {
    uint8_t *place = to;
    const uint8_t *source = from;
#define MOVE_PART(SIZE)              \
    if (bytes & (SIZE)) {            \
        memcpy(place, source, SIZE); \
        place += (SIZE);             \
        source += (SIZE);            \
    }
    MOVE_PART(32)
    MOVE_PART(16)
    MOVE_PART(8)
    MOVE_PART(4)
    MOVE_PART(2)
#undef MOVE_PART
}

// Moves any number of bytes.
INLINE void move_row(void *to, const void *from, size_t bytes) {
    // From here on a call is cheaper than a loop.
    if (bytes >= 256) {
        memcpy(to, from, bytes);
        return;
    }
    size_t whole = bytes / 32 * 32;
    for (size_t place = 0; place < whole; place += 32) memcpy((uint8_t *)to + place, (const uint8_t *)from + place, 32);
    move_part((uint8_t *)to + whole, (const uint8_t *)from + whole, bytes - whole);
}

// The transpose of a square of 2 · LANES vectors of as many elements of two bytes. Of two rows, the elements of even columns side by
// side, and those of odd columns, are elements of four bytes, of which two squares are transposed.
INLINE void transpose_pairs(vfloat v[2 * LANES]) {
    vfloat even[LANES], odd[LANES];
    for (int i = 0; i < LANES; i++) {
        vuint first = (vuint)v[2 * i], second = (vuint)v[2 * i + 1];
        even[i] = (vfloat)((first & 0xffff) | (second << 16));
        odd[i] = (vfloat)((first >> 16) | (second & 0xffff0000));
    }
    transpose(even);
    transpose(odd);
    for (int i = 0; i < LANES; i++) {
        v[2 * i] = even[i];
        v[2 * i + 1] = odd[i];
    }
}

// A plane whose rows go along the source's memory and whose columns go along the destination's is moved in tiles of EDGE · EDGE elements,
// as many vectors. Of tiles at the end there are fewer `rows` or `columns`; sources of the first `readable` columns are read whole.
#define DEFINE_MOVEMENT(NAME, ELEMENT, EDGE, TRANSPOSE)                                                               \
    INLINE void move_tile_##NAME(                                                                                     \
        const ELEMENT *from, size_t from_column, ELEMENT *to, size_t to_row, size_t rows, size_t columns,             \
        size_t readable) {                                                                                            \
        vfloat v[EDGE];                                                                                               \
        for (size_t c = 0; c < EDGE; c++) {                                                                           \
            v[c] = (vfloat){0};                                                                                       \
            if (c < readable)                                                                                         \
                memcpy(&v[c], from + c * from_column, sizeof v[c]);                                                   \
            else if (c < columns)                                                                                     \
                move_part(&v[c], from + c * from_column, rows * sizeof *from);                                        \
        }                                                                                                             \
        TRANSPOSE(v);                                                                                                 \
        for (size_t r = 0; r < EDGE && r < rows; r++) {                                                               \
            if (columns == EDGE)                                                                                      \
                memcpy(to + r * to_row, &v[r], sizeof v[r]);                                                          \
            else                                                                                                      \
                move_part(to + r * to_row, &v[r], columns * sizeof *to);                                              \
        }                                                                                                             \
    }                                                                                                                 \
                                                                                                                      \
    static void transpose_##NAME(                                                                                     \
        const ELEMENT *from, size_t from_column, ELEMENT *to, size_t to_row, size_t rows, size_t columns) {           \
        /* Where lines are further apart, a cache line is used up at once: such lines compete for the same places. */ \
        bool along_columns = to_row > from_column;                                                                    \
        size_t outer = along_columns ? rows : columns, inner = along_columns ? columns : rows;                        \
        for (size_t i = 0; i < outer; i += EDGE)                                                                      \
            for (size_t j = 0; j < inner; j += EDGE) {                                                                \
                size_t row = along_columns ? i : j, column = along_columns ? j : i;                                   \
                size_t high = rows - row < EDGE ? rows - row : EDGE;                                                  \
                size_t wide = columns - column < EDGE ? columns - column : EDGE;                                      \
                const ELEMENT *source = from + column * from_column + row;                                            \
                ELEMENT *place = to + row * to_row + column;                                                          \
                if (high == EDGE && wide == EDGE) {                                                                   \
                    move_tile_##NAME(source, from_column, place, to_row, EDGE, EDGE, EDGE);                           \
                    continue;                                                                                         \
                }                                                                                                     \
                /* What is read beyond the rows lies before the plane's last element. */                              \
                size_t excess = EDGE - high, unreadable = excess ? (excess + from_column - 1) / from_column : 0;      \
                size_t readable = columns - column > unreadable ? columns - column - unreadable : 0;                  \
                move_tile_##NAME(source, from_column, place, to_row, high, wide, readable < wide ? readable : wide);  \
            }                                                                                                         \
    }                                                                                                                 \
                                                                                                                      \
    static void move_##NAME(                                                                                          \
        const ELEMENT *from, monge_steps from_steps, ELEMENT *to, monge_steps to_steps, size_t rows,                  \
        size_t columns) {                                                                                             \
        if (from_steps.row == 1 && from_steps.column > 0 && to_steps.column == 1) {                                   \
            transpose_##NAME(from, from_steps.column, to, to_steps.row, rows, columns);                               \
            return;                                                                                                   \
        }                                                                                                             \
        for (size_t row = 0; row < rows; row++) {                                                                     \
            const ELEMENT *source = from + row * from_steps.row;                                                      \
            ELEMENT *place = to + row * to_steps.row;                                                                 \
            if (from_steps.column == 1 && to_steps.column == 1)                                                       \
                move_row(place, source, columns * sizeof *to);                                                        \
            else                                                                                                      \
                for (size_t column = 0; column < columns; column++)                                                   \
                    place[column * to_steps.column] = source[column * from_steps.column];                             \
        }                                                                                                             \
    }

DEFINE_MOVEMENT(singles, uint32_t, LANES, transpose)
DEFINE_MOVEMENT(halves, uint16_t, 2 * LANES, transpose_pairs)

static void move_plane(
    size_t element_bytes, const void *from, monge_steps from_steps, void *to, monge_steps to_steps, size_t rows, size_t columns) {
    if (element_bytes == sizeof(uint32_t)) move_singles(from, from_steps, to, to_steps, rows, columns);
    if (element_bytes == sizeof(uint16_t)) move_halves(from, from_steps, to, to_steps, rows, columns);
}
