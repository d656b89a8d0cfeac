// The matrix product of quantised weights for few rows of x: as fast as the weights can be read. Each weight is decoded once, in registers, and
// multiplied with every row of x; WEIGHT_ROWS rows of weights go together, so that a load of x serves them all and their sums
// do not wait for one another. The order of a sum depends on the width of the vectors only.

#define DEFINE_DOT_TILE(T, WEIGHT_ROWS, X_ROWS)                                                                      \
    static void dot_##T##_##X_ROWS(const uint8_t *const *w, const float *const *x, size_t inputs, float *sums) {     \
        vfloat sum[WEIGHT_ROWS][X_ROWS] = {0};                                                                       \
        size_t blocks = inputs / (CHUNK * T##_chunks);                                                               \
        for (size_t first = 0; first < blocks; first += T##_group) {                                                 \
            size_t group = blocks - first < T##_group ? blocks - first : T##_group;                                  \
            T##_header header[WEIGHT_ROWS];                                                                          \
            for (int r = 0; r < WEIGHT_ROWS; r++) T##_open(w[r] + first * T##_bytes, group, &header[r]);             \
            for (size_t b = 0; b < group; b++) {                                                                     \
                const uint8_t *ahead = w[0] + DOT_PREFETCH + (first + b) * (WEIGHT_ROWS * T##_bytes);                \
                _Pragma("unroll") for (int i = 0; i < WEIGHT_ROWS * T##_bytes; i += 64) __builtin_prefetch(ahead + i); \
                _Pragma("unroll") for (int c = 0; c < T##_chunks; c++) {                                             \
                    size_t k = ((first + b) * T##_chunks + (size_t)c) * CHUNK;                                       \
                    _Pragma("unroll") for (int r = 0; r < WEIGHT_ROWS; r++) {                                        \
                        vfloat chunk[CHUNK_VECTORS];                                                                 \
                        T##_chunk(w[r] + (first + b) * T##_bytes, &header[r], b, c, chunk);                          \
                        _Pragma("unroll") for (int q = 0; q < X_ROWS; q++)                                           \
                            _Pragma("unroll") for (int i = 0; i < CHUNK_VECTORS; i++)                                \
                                sum[r][q] = fused(chunk[i], load(x[q] + k + LANES * i), sum[r][q]);                  \
                    }                                                                                                \
                }                                                                                                    \
            }                                                                                                        \
        }                                                                                                            \
        for (int r = 0; r < WEIGHT_ROWS; r++)                                                                        \
            for (int q = 0; q < X_ROWS; q++) sums[r * X_ROWS + q] = sum_lanes(sum[r][q]);                            \
    }

// Weight rows for 1, 2, 4 and 8 rows of x: as many as there are registers for the sums.
#if LANES == 16
enum { DOT_W1 = 4, DOT_W2 = 4, DOT_W4 = 4, DOT_W8 = 2 };
#else
enum { DOT_W1 = 4, DOT_W2 = 2, DOT_W4 = 2, DOT_W8 = 1 };
#endif
enum {
    DOT_MOST_WEIGHT_ROWS = 4,
    // How many bytes ahead weights are asked for. The processor's own prefetching loses its way among rows that are read side by
    // side; with this they come from memory as fast as from the second-level cache.
    DOT_PREFETCH = 8192,
};

typedef void (*dot_tile)(const uint8_t *const *w, const float *const *x, size_t inputs, float *sums);

#define DEFINE_DOT(T)                 \
    DEFINE_DOT_TILE(T, DOT_W1, 1)     \
    DEFINE_DOT_TILE(T, DOT_W2, 2)     \
    DEFINE_DOT_TILE(T, DOT_W4, 4)     \
    DEFINE_DOT_TILE(T, DOT_W8, 8)     \
    static const dot_tile dot_##T[] = {dot_##T##_1, dot_##T##_2, dot_##T##_4, dot_##T##_8};

DEFINE_DOT(q4_0)
DEFINE_DOT(q4_1)
DEFINE_DOT(q5_0)
DEFINE_DOT(q5_1)
DEFINE_DOT(q8_0)
DEFINE_DOT(q4_K)
DEFINE_DOT(q5_K)
DEFINE_DOT(q6_K)

static const dot_tile *const dot_tiles[MONGE_WEIGHT_TYPES] = {
    [MONGE_Q4_0] = dot_q4_0, [MONGE_Q4_1] = dot_q4_1, [MONGE_Q5_0] = dot_q5_0, [MONGE_Q5_1] = dot_q5_1,
    [MONGE_Q8_0] = dot_q8_0, [MONGE_Q4_K] = dot_q4_K, [MONGE_Q5_K] = dot_q5_K, [MONGE_Q6_K] = dot_q6_K,
};

static void dot(const monge_linear *linear, size_t first, size_t end, float *scratch) {
    static const size_t x_rows_of[] = {1, 2, 4, 8}, weight_rows_of[] = {DOT_W1, DOT_W2, DOT_W4, DOT_W8};
    int size = linear->rows > 4 ? 3 : linear->rows > 2 ? 2 : (int)linear->rows - 1;
    size_t x_rows = x_rows_of[size], weight_rows = weight_rows_of[size], count = end - first;
    dot_tile tile = dot_tiles[linear->type][size];
    // Tiles are whole: what is missing repeats the last row, and is left out.
    const float *x[MONGE_DOT_ROWS];
    for (size_t q = 0; q < x_rows; q++) x[q] = linear->x + (q < linear->rows ? q : linear->rows - 1) * linear->inputs;
    for (size_t n = first; n < end; n += weight_rows) {
        const uint8_t *w[DOT_MOST_WEIGHT_ROWS];
        float sums[DOT_MOST_WEIGHT_ROWS * MONGE_DOT_ROWS];
        for (size_t r = 0; r < weight_rows; r++)
            w[r] = linear->weight + (n + r < end ? n + r : end - 1) * linear->weight_row_bytes;
        tile(w, x, linear->inputs, sums);
        for (size_t r = 0; r < weight_rows && n + r < end; r++)
            for (size_t q = 0; q < linear->rows; q++) scratch[q * count + n + r - first] = sums[r * x_rows + q];
    }
    for (size_t q = 0; q < linear->rows; q++) finish_row(&linear->epilogue, q, first, count, scratch + q * count);
}
