// The matrix product of quantised weights for many rows of x, whose sums have the order of those for few (dot.h): the numbers of a row stand in the lanes, so
// that a row has the same bits whatever the number of others. Some weight rows are decoded to the second-level cache; rows of x are read where
// they lie. Sums of lanes wait in memory from block to block of K, and are added up behind the last.

#if LANES == 16 || defined(__aarch64__)
// 24 sums, 4 vectors of x and one of weights: of 32 registers.
#define PANEL_TILES(DO) DO(6, 4) DO(6, 1) DO(1, 4) DO(1, 1)
enum { PANEL_WEIGHTS = 6, PANEL_ROWS = 4 };
#elif HAS_FMA
// 12 sums, 3 vectors of x and one of weights: of 16 registers.
#define PANEL_TILES(DO) DO(4, 3) DO(4, 1) DO(1, 3) DO(1, 1)
enum { PANEL_WEIGHTS = 4, PANEL_ROWS = 3 };
#else
// 8 sums, 2 vectors of x, one of weights and a product.
#define PANEL_TILES(DO) DO(4, 2) DO(4, 1) DO(1, 2) DO(1, 1)
enum { PANEL_WEIGHTS = 4, PANEL_ROWS = 2 };
#endif
enum {
    // The depth of a block: the weights of a tile stay in the nearest cache while the rows of a panel pass.
    PANEL_DEPTH = 768,
    // The rows that pass at a time: they and their sums stay in the second-level cache.
    PANEL_HEIGHT = 32,
};

// Adds the products of some rows of weights and of x, whole vectors of `count` numbers, to sums[x row][weight row].
typedef void (*panel_tile)(
    const float *weights, size_t weight_stride, const float *x, size_t x_stride, size_t count, float *sums, size_t sum_stride);

#define DEFINE_PANEL_TILE(WEIGHTS, ROWS)                                                                                         \
    static void panel_tile_##WEIGHTS##_##ROWS(                                                                                   \
        const float *weights, size_t weight_stride, const float *x, size_t x_stride, size_t count, float *sums,                  \
        size_t sum_stride) {                                                                                                     \
        vfloat sum[ROWS][WEIGHTS];                                                                                               \
        _Pragma("unroll") for (int q = 0; q < ROWS; q++) _Pragma("unroll") for (int r = 0; r < WEIGHTS; r++)                     \
            sum[q][r] = load(sums + q * sum_stride + r * LANES);                                                                 \
        for (size_t k = 0; k < count; k += LANES) {                                                                              \
            vfloat row[ROWS];                                                                                                    \
            _Pragma("unroll") for (int q = 0; q < ROWS; q++) row[q] = load(x + q * x_stride + k);                                \
            _Pragma("unroll") for (int r = 0; r < WEIGHTS; r++) {                                                                \
                vfloat weight = load(weights + r * weight_stride + k);                                                           \
                _Pragma("unroll") for (int q = 0; q < ROWS; q++) sum[q][r] = fused(weight, row[q], sum[q][r]);                   \
            }                                                                                                                    \
        }                                                                                                                        \
        _Pragma("unroll") for (int q = 0; q < ROWS; q++) _Pragma("unroll") for (int r = 0; r < WEIGHTS; r++)                     \
            store(sums + q * sum_stride + r * LANES, sum[q][r]);                                                                 \
    }

PANEL_TILES(DEFINE_PANEL_TILE)

// Whole tiles first, then rows of weights and of x that are left.
static const panel_tile panel_tiles[2][2] = {
#define PANEL_TILE(WEIGHTS, ROWS) [WEIGHTS == 1][ROWS == 1] = panel_tile_##WEIGHTS##_##ROWS,
    PANEL_TILES(PANEL_TILE)
#undef PANEL_TILE
};

// All tiles of a block of K. sums[x row][weight row] are vectors, MONGE_PANEL_CHANNELS of them for each row of x.
static void panel_block(
    const float *weights, size_t weight_stride, size_t channels, const float *x, size_t x_stride, size_t rows, size_t count,
    float *sums) {
    enum { SUM_STRIDE = MONGE_PANEL_CHANNELS * LANES };
    for (size_t n = 0; n < channels;) {
        bool is_narrow = channels - n < PANEL_WEIGHTS;
        for (size_t r = 0; r < rows;) {
            bool is_low = rows - r < PANEL_ROWS;
            panel_tiles[is_narrow][is_low](
                weights + n * weight_stride, weight_stride, x + r * x_stride, x_stride, count, sums + r * SUM_STRIDE + n * LANES,
                SUM_STRIDE);
            r += is_low ? 1 : PANEL_ROWS;
        }
        n += is_narrow ? 1 : PANEL_WEIGHTS;
    }
}

// The distance of decoded rows: a line more keeps rows of powers of two apart in the cache.
INLINE size_t panel_stride(size_t inputs) { return inputs + 16; }

static size_t panel_scratch(size_t channels, size_t inputs) {
    return channels * panel_stride(inputs) + PANEL_HEIGHT * MONGE_PANEL_CHANNELS * LANES + MONGE_PANEL_CHANNELS;
}

// The sums of lanes of a row's channels, added up.
static void panel_sums(const float *lanes, size_t channels, float *values) {
    size_t n = 0;
    for (; n + LANES <= channels; n += LANES) {
        vfloat square[LANES];
        for (size_t i = 0; i < LANES; i++) square[i] = load(lanes + (n + i) * LANES);
        store(values + n, sum_each(square));
    }
    for (; n < channels; n++) values[n] = sum_lanes(load(lanes + n * LANES));
}

static void dot_panel(const monge_linear *linear, size_t first, size_t end, size_t first_row, size_t end_row, float *scratch) {
    size_t channels = end - first, inputs = linear->inputs, stride = panel_stride(inputs);
    float *decoded = scratch, *sums = decoded + channels * stride, *values = sums + PANEL_HEIGHT * MONGE_PANEL_CHANNELS * LANES;
    for (size_t n = 0; n < channels; n++)
        decode(linear->type, linear->weight + (first + n) * linear->weight_row_bytes, inputs, decoded + n * stride);
    for (size_t r = first_row; r < end_row; r += PANEL_HEIGHT) {
        size_t rows = end_row - r < PANEL_HEIGHT ? end_row - r : PANEL_HEIGHT;
        const float *x = linear->x + r * inputs;
        memset(sums, 0, rows * MONGE_PANEL_CHANNELS * LANES * sizeof(float));
        for (size_t k = 0; k < inputs; k += PANEL_DEPTH) {
            size_t depth = inputs - k < PANEL_DEPTH ? inputs - k : PANEL_DEPTH;
            panel_block(decoded + k, stride, channels, x + k, inputs, rows, depth, sums);
        }
        for (size_t i = 0; i < rows; i++) {
            panel_sums(sums + i * MONGE_PANEL_CHANNELS * LANES, channels, values);
            finish_row(&linear->epilogue, linear->first_row + r + i, first, channels, values);
        }
    }
}
