// The matrix product of quantised weights with activations that are rounded to integers, 32 at a time: dot products of bytes.
//
// An integer q of at most 127·256 is 255·high + low with |high|, |low| ≤ 127. Its products with a weight of 8 bits are those of its two
// bytes, each of which meets the weights that are in registers already.
//
// LANES rows of weights go together, each in a lane of its own; they are interleaved (interleave.h), or are read where they lie and
// transposed in registers, once for all rows of x of the call. A result is
//
//     Σ over spans, in their order: fused(dots, scale·x.scale, sum), then fused(offset, x.sum, sum) where the type has offsets,
//
// in which `dots` is exact: the same bits for every number of rows, every order of weights, and every instruction set that fuses.
//
// A type T with blocks is:
//
// T_quad_bytes     the bytes of a block
// T_parts          the parts of a block
// T_part_chunks    the chunks of 32 elements of a part
// T_spans          the scales of a chunk
// T_has_offset     whether an element is scale·integer + offset
// T_centre         what is taken from integers before they are scaled, where there is no offset
// T_largest        the largest integer, 128 for those with a sign
// T_quad_open      reads the scales of a block of LANES rows
// T_quad_part      reads bytes of a part
// T_quads          makes the quads of a chunk

enum {
    q4_0_quad_bytes = 18, q4_0_parts = 1, q4_0_part_chunks = 1, q4_0_spans = 1, q4_0_has_offset = 0, q4_0_centre = 8, q4_0_largest = 15,
    q4_1_quad_bytes = 20, q4_1_parts = 1, q4_1_part_chunks = 1, q4_1_spans = 1, q4_1_has_offset = 1, q4_1_centre = 0, q4_1_largest = 15,
    q5_0_quad_bytes = 22, q5_0_parts = 1, q5_0_part_chunks = 1, q5_0_spans = 1, q5_0_has_offset = 0, q5_0_centre = 16, q5_0_largest = 31,
    q5_1_quad_bytes = 24, q5_1_parts = 1, q5_1_part_chunks = 1, q5_1_spans = 1, q5_1_has_offset = 1, q5_1_centre = 0, q5_1_largest = 31,
    q8_0_quad_bytes = 34, q8_0_parts = 1, q8_0_part_chunks = 1, q8_0_spans = 1, q8_0_has_offset = 0,
    q8_0_centre = SIGNED_BYTES ? 0 : 128, q8_0_largest = SIGNED_BYTES ? 128 : 255,
    q4_K_quad_bytes = 144, q4_K_parts = 4, q4_K_part_chunks = 2, q4_K_spans = 1, q4_K_has_offset = 1, q4_K_centre = 0, q4_K_largest = 15,
    q5_K_quad_bytes = 176, q5_K_parts = 4, q5_K_part_chunks = 2, q5_K_spans = 1, q5_K_has_offset = 1, q5_K_centre = 0, q5_K_largest = 31,
    q6_K_quad_bytes = 210, q6_K_parts = 2, q6_K_part_chunks = 4, q6_K_spans = 2, q6_K_has_offset = 0, q6_K_centre = 32, q6_K_largest = 63,
    // How many bytes ahead weights are asked for.
    QUAD_PREFETCH = 8192,
    INTERLEAVED_PREFETCH = 4096,
};

// sums[row][lane] of LANES rows of weights. `all_rows` is the distance from a block of x to the next of the same row.
typedef void (*rounded_tile)(
    const uint8_t *weight, size_t stride, size_t inputs, const monge_rounded_block *x, size_t all_rows, size_t rows, float *sums);

// The sum of one row stays in a register; those of several lie in memory.
#define DEFINE_ROUNDED(T)                                                                                                      \
    INLINE void rounded_tile_##T(                                                                                              \
        lane_blocks blocks, size_t inputs, const monge_rounded_block *x, size_t all_rows, size_t rows, bool single,            \
        float *sums) {                                                                                                         \
        const size_t spacing = blocks.interleaved ? T##_quad_bytes * LANES : T##_quad_bytes;                                   \
        size_t count = inputs / (SPAN * T##_parts * T##_part_chunks);                                                          \
        const uint8_t *ahead = blocks.bytes + (blocks.interleaved ? INTERLEAVED_PREFETCH : QUAD_PREFETCH);                     \
        vfloat only = {0};                                                                                                     \
        if (!single)                                                                                                           \
            for (size_t r = 0; r < rows; r++) store(sums + r * LANES, (vfloat){0});                                            \
        for (size_t b = 0; b < count; b++, blocks.bytes += spacing) {                                                          \
            quad_block state;                                                                                                  \
            T##_quad_open(blocks, &state);                                                                                     \
            _Pragma("unroll") for (int part = 0; part < T##_parts; part++) {                                                   \
                for (int i = 0; i < LANES * T##_quad_bytes / T##_parts; i += 64) __builtin_prefetch(ahead + i);                \
                ahead += LANES * T##_quad_bytes / T##_parts;                                                                   \
                T##_quad_part(blocks, part, &state);                                                                           \
                _Pragma("unroll") for (int c = 0; c < T##_part_chunks; c++) {                                                  \
                    int chunk = part * T##_part_chunks + c;                                                                    \
                    vuint quads[SPAN_QUADS];                                                                                   \
                    T##_quads(blocks, &state, chunk, quads);                                                                   \
                    for (size_t r = 0; r < rows; r++) {                                                                        \
                        const monge_rounded_block *row = x + r;                                                                \
                        vfloat sum = single ? only : load(sums + r * LANES);                                                   \
                        _Pragma("unroll") for (int s = 0; s < T##_spans; s++) {                                                \
                            int first = s * SPAN_QUADS / T##_spans;                                                            \
                            int32_t start = T##_centre ? row->starts[s] : 0;                                                   \
                            vint low = quad_products(                                                                          \
                                quads + first, row->low + 4 * first, SPAN_QUADS / T##_spans, T##_largest, start);              \
                            vint high = quad_products(                                                                         \
                                quads + first, row->high + 4 * first, SPAN_QUADS / T##_spans, T##_largest, 0);                 \
                            vint dots = (high << 8) - high + low;                                                              \
                            vfloat factor = state.scale[chunk * T##_spans + s] * splat(row->scale);                            \
                            sum = fused(__builtin_convertvector(dots, vfloat), factor, sum);                                   \
                        }                                                                                                      \
                        if (T##_has_offset) sum = fused(state.offset[chunk], splat(row->sum), sum);                            \
                        if (single) only = sum;                                                                                \
                        else store(sums + r * LANES, sum);                                                                     \
                    }                                                                                                          \
                    x += all_rows;                                                                                             \
                }                                                                                                              \
            }                                                                                                                  \
        }                                                                                                                      \
        if (single) store(sums, only);                                                                                         \
    }                                                                                                                          \
    static void rounded_##T(                                                                                                   \
        const uint8_t *weight, size_t stride, size_t inputs, const monge_rounded_block *x, size_t all_rows, size_t rows,       \
        float *sums) {                                                                                                         \
        rounded_tile_##T((lane_blocks){weight, stride, false}, inputs, x, all_rows, rows, false, sums);                        \
    }                                                                                                                          \
    static void interleaved_##T(                                                                                               \
        const uint8_t *weight, size_t stride, size_t inputs, const monge_rounded_block *x, size_t all_rows, size_t rows,       \
        float *sums) {                                                                                                         \
        if (rows == 1) rounded_tile_##T((lane_blocks){weight, stride, true}, inputs, x, all_rows, 1, true, sums);              \
        else rounded_tile_##T((lane_blocks){weight, stride, true}, inputs, x, all_rows, rows, false, sums);                    \
    }

DEFINE_ROUNDED(q4_0)
DEFINE_ROUNDED(q4_1)
DEFINE_ROUNDED(q5_0)
DEFINE_ROUNDED(q5_1)
DEFINE_ROUNDED(q8_0)
DEFINE_ROUNDED(q4_K)
DEFINE_ROUNDED(q5_K)
DEFINE_ROUNDED(q6_K)

static const struct {
    rounded_tile tile;
    rounded_tile interleaved_tile;
    int32_t centre;
    int32_t spans;
} rounded_types[MONGE_WEIGHT_TYPES] = {
#define ROUNDED_TYPE(T) {rounded_##T, interleaved_##T, T##_centre, T##_spans}
    [MONGE_Q4_0] = ROUNDED_TYPE(q4_0), [MONGE_Q4_1] = ROUNDED_TYPE(q4_1), [MONGE_Q5_0] = ROUNDED_TYPE(q5_0),
    [MONGE_Q5_1] = ROUNDED_TYPE(q5_1), [MONGE_Q8_0] = ROUNDED_TYPE(q8_0), [MONGE_Q4_K] = ROUNDED_TYPE(q4_K),
    [MONGE_Q5_K] = ROUNDED_TYPE(q5_K), [MONGE_Q6_K] = ROUNDED_TYPE(q6_K),
#undef ROUNDED_TYPE
};

// To the nearest, ties to even, for |x| < 2^22: adding 1.5·2^23 rounds, and leaves the integer in the low bits.
INLINE vint rounded_integers(vfloat x) { return (vint)(x + splat(0x1.8p23f)) - 0x4b400000; }

// 32 numbers: scale = max|x| / 32512, q = x · (32512 / max|x|) to the nearest, ties to even. Where all are below 2^-100, they count as
// zeros; where one is infinite or NaN, so is what comes of the block: NaN.
INLINE void round_block(const float *x, int32_t centre, int32_t spans, monge_rounded_block *block) {
    enum { VECTORS = SPAN / LANES };
    vfloat values[VECTORS];
    vint largest = {0};
    for (int i = 0; i < VECTORS; i++) {
        values[i] = load(x + LANES * i);
        // As integers, infinity and NaN are above all numbers.
        vint size = (vint)values[i] & 0x7fffffff, above = size > largest;
        largest = (above & size) | (~above & largest);
    }
    int32_t bits = __builtin_reduce_max(largest);
    float most;
    memcpy(&most, &bits, sizeof most);
    bool is_finite = bits < 0x7f800000, is_zero = most < 0x1p-100f;
    if (!is_finite || is_zero) {
        memset(block, 0, sizeof *block);
        if (!is_finite) block->scale = block->sum = __builtin_nanf("");
        return;
    }
    vfloat inverse = splat(32512 / most);
    vint halves[2] = {{0}, {0}};
    for (int i = 0; i < VECTORS; i++) {
        vint integers = rounded_integers(values[i] * inverse);
        halves[i * 2 / VECTORS] += integers;
        // A quotient is at least 1/510 away from a tie, which is more than its rounding.
        vint high = rounded_integers(__builtin_convertvector(integers, vfloat) * splat(1.0f / 255));
        vint low = integers - ((high << 8) - high);
        vsbyte bytes = __builtin_convertvector(high, vsbyte);
        memcpy(block->high + LANES * i, &bytes, sizeof bytes);
        bytes = __builtin_convertvector(low, vsbyte);
        memcpy(block->low + LANES * i, &bytes, sizeof bytes);
    }
    int32_t first = __builtin_reduce_add(halves[0]), second = __builtin_reduce_add(halves[1]);
    block->scale = most / 32512;
    block->sum = block->scale * (float)(first + second);
    block->starts[0] = -centre * (spans == 1 ? first + second : first);
    block->starts[1] = -centre * second;
}

static void round_rows(const monge_linear *linear, size_t first, size_t end, monge_rounded_block *blocks) {
    int32_t centre = rounded_types[linear->type].centre, spans = rounded_types[linear->type].spans;
    for (size_t row = first; row < end; row++)
        for (size_t b = 0; b < linear->inputs / SPAN; b++)
            round_block(linear->x + row * linear->inputs + b * SPAN, centre, spans, blocks + b * linear->rows + row);
}

static size_t rounded_scratch(size_t rows, size_t channels) { return rows * (LANES + channels + LANES); }

static void rounded_product(
    const monge_linear *linear, const monge_rounded_block *blocks, size_t first, size_t end, size_t first_row, size_t end_row,
    float *scratch) {
    size_t rows = end_row - first_row, count = end - first, all = linear->epilogue.channels;
    float *sums = scratch, *results = scratch + rows * LANES;
    // The last tile begins earlier where it is not whole. With fewer channels than lanes, all lanes are one channel.
    size_t width = all < LANES ? 1 : LANES, stride = all < LANES ? 0 : linear->weight_row_bytes;
    rounded_tile tile = linear->interleaved ? rounded_types[linear->type].interleaved_tile : rounded_types[linear->type].tile;
    for (size_t n = first; n < end; n += width) {
        size_t start = n + width <= all ? n : all - width, used = end - n < width ? end - n : width;
        const uint8_t *weight = linear->weight + (linear->interleaved ? n : start) * linear->weight_row_bytes;
        tile(weight, stride, linear->inputs, blocks + first_row, linear->rows, rows, sums);
        for (size_t r = 0; r < rows; r++)
            memcpy(results + r * count + (n - first), sums + r * LANES + (n - start), used * sizeof(float));
    }
    for (size_t r = 0; r < rows; r++)
        finish_row(&linear->epilogue, linear->first_row + first_row + r, first, count, results + r * count);
}
