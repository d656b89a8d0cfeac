// The matrix product of plain weights for few rows of x, whose sums have the order of those for many (gemm.h): LANES output channels stand in
// the lanes, and each sum is taken in the order of k, DEPTH of them at a time. It transposes what it reads, which takes less time than reading
// it from memory; of quantised weights it would take more (dot.h).

typedef void (*column_sums)(const float *decoded, const float *const *x, size_t depth, bool accumulate, float *sums);

// sums[x row][lane] of LANES decoded rows, DEPTH apart.
#define DEFINE_COLUMN_SUMS(X_ROWS)                                                                                              \
    static void column_sums_##X_ROWS(                                                                                           \
        const float *decoded, const float *const *x, size_t depth, bool accumulate, float *sums) {                              \
        vfloat sum[X_ROWS] = {0};                                                                                               \
        for (size_t k = 0; k < depth; k += LANES) {                                                                             \
            vfloat square[LANES];                                                                                               \
            for (size_t l = 0; l < LANES; l++) square[l] = load(decoded + l * DEPTH + k);                                       \
            transpose(square);                                                                                                  \
            size_t width = depth - k < LANES ? depth - k : LANES;                                                               \
            if (width == LANES) {                                                                                               \
                _Pragma("unroll") for (size_t i = 0; i < LANES; i++) _Pragma("unroll") for (int q = 0; q < X_ROWS; q++)         \
                    sum[q] = fused(square[i], splat(x[q][k + i]), sum[q]);                                                      \
            } else {                                                                                                            \
                for (size_t i = 0; i < width; i++)                                                                              \
                    for (int q = 0; q < X_ROWS; q++) sum[q] = fused(square[i], splat(x[q][k + i]), sum[q]);                     \
            }                                                                                                                   \
        }                                                                                                                       \
        for (int q = 0; q < X_ROWS; q++) {                                                                                      \
            float *place = sums + q * LANES;                                                                                    \
            store(place, accumulate ? load(place) + sum[q] : sum[q]);                                                           \
        }                                                                                                                       \
    }

DEFINE_COLUMN_SUMS(1)
DEFINE_COLUMN_SUMS(2)
DEFINE_COLUMN_SUMS(4)
DEFINE_COLUMN_SUMS(8)

static void few_columns(const monge_linear *linear, size_t first, size_t end, float *scratch) {
    static const column_sums functions[] = {column_sums_1, column_sums_2, column_sums_4, column_sums_8};
    int size = linear->rows > 4 ? 3 : linear->rows > 2 ? 2 : (int)linear->rows - 1;
    size_t x_rows = (size_t)1 << size, count = end - first, row_bytes = linear->weight_row_bytes;
    for (size_t n = first; n < end; n += LANES) {
        size_t used = end - n < LANES ? end - n : LANES;
        float sums[MONGE_DOT_ROWS * LANES] = {0}, decoded[LANES * DEPTH] __attribute__((aligned(64)));
        for (size_t k = 0; k < linear->inputs; k += DEPTH) {
            size_t depth = linear->inputs - k < DEPTH ? linear->inputs - k : DEPTH;
            size_t bytes = DEPTH * (row_bytes / linear->inputs);
            const uint8_t *block = linear->weight + n * row_bytes + k / DEPTH * bytes;
            const uint8_t *ahead = linear->weight + n * row_bytes + DOT_PREFETCH + k / DEPTH * bytes * LANES;
            for (size_t i = 0; i < bytes * LANES; i += 64) __builtin_prefetch(ahead + i);
            // Tiles are whole: what is missing repeats the last, and is left out.
            for (size_t l = 0; l < LANES; l++)
                decode(linear->type, block + (l < used ? l : used - 1) * row_bytes, depth, decoded + l * DEPTH);
            const float *x[MONGE_DOT_ROWS];
            for (size_t q = 0; q < x_rows; q++) x[q] = linear->x + (q < linear->rows ? q : linear->rows - 1) * linear->inputs + k;
            functions[size](decoded, x, depth, k > 0, sums);
        }
        for (size_t q = 0; q < linear->rows; q++) memcpy(scratch + q * count + (n - first), sums + q * LANES, used * sizeof(float));
    }
    for (size_t q = 0; q < linear->rows; q++) finish_row(&linear->epilogue, q, first, count, scratch + q * count);
}

// Few rows, each with the bits that it has among many.
static void few_rows(const monge_linear *linear, size_t first, size_t end, float *scratch) {
    bool is_plain = linear->type == MONGE_F32 || linear->type == MONGE_F16 || linear->type == MONGE_BF16;
    (is_plain ? few_columns : dot)(linear, first, end, scratch);
}
