// The matrix product for many rows of x. Rows of x stand in the lanes of vectors: x is packed into panels once a call, in which
// a number of one weight row meets many rows of x. Weight rows are decoded, a block of K at a time, to scratch memory in the
// second-level cache; from there no transposition is needed. Sums of a block of K are added to those of the blocks before.

enum {
    // The most elements of a super-block, so that blocks of K are whole blocks of every type.
    DECODED = 256,
    // The depth of a tile: with it, a panel and the weight rows beside it stay in the nearest cache.
    DEPTH = 128,
    // The weight rows between two requests for lines of the next panel: whole tiles of every height.
    REQUEST_ROWS = 24,
};

#define DECODED_BYTES(T) (DECODED / (CHUNK * T##_chunks) * T##_bytes)

// The bytes of DECODED elements.
INLINE size_t decoded_bytes(monge_weight_type type) {
    static const size_t bytes[MONGE_WEIGHT_TYPES] = {
        DECODED_BYTES(f32),  DECODED_BYTES(f16),  DECODED_BYTES(bf16), DECODED_BYTES(q4_0), DECODED_BYTES(q4_1), DECODED_BYTES(q5_0),
        DECODED_BYTES(q5_1), DECODED_BYTES(q8_0), DECODED_BYTES(q4_K), DECODED_BYTES(q5_K), DECODED_BYTES(q6_K),
    };
    return bytes[type];
}

// Panels are PANEL_VECTORS wide, but where that is three, the last two share four vectors evenly rather than as three and one.
INLINE size_t panel_start(size_t panel, size_t vectors) {
    size_t start = panel * PANEL_VECTORS;
    if (PANEL_VECTORS == 3 && vectors % 3 == 1 && vectors > PANEL_VECTORS && start + 1 == vectors) return start - 1;
    return start < vectors ? start : vectors;
}

INLINE size_t row_vectors(size_t rows) { return (rows + LANES - 1) / LANES; }

static size_t gemm_panels(size_t rows) { return (row_vectors(rows) + PANEL_VECTORS - 1) / PANEL_VECTORS; }

static size_t gemm_packed_elements(size_t rows, size_t inputs) { return row_vectors(rows) * LANES * inputs; }

static void gemm_pack(const monge_linear *linear, size_t panel, float *packed) {
    size_t vectors = row_vectors(linear->rows), start = panel_start(panel, vectors), end = panel_start(panel + 1, vectors);
    size_t lanes = (end * LANES < linear->rows ? end * LANES : linear->rows) - start * LANES;
    pack_lanes(
        linear->x, (lane_layout){.group = 1, .stride = linear->inputs}, start * LANES, lanes, end - start, linear->inputs, 1,
        packed + start * LANES * linear->inputs);
}

static size_t gemm_scratch(size_t panels) {
    return MONGE_GEMM_CHANNELS * (DECODED + panels * PANEL_LANES) + PANEL_LANES * MONGE_GEMM_CHANNELS;
}

INLINE size_t result_row(const monge_linear *linear, size_t row) {
    return linear->result_rows ? (size_t)linear->result_rows[row] : linear->first_row + row;
}

// The sums of a panel, [channels][lanes], as rows of channels through the epilogue.
static void gemm_finish(
    const monge_linear *linear, size_t first, size_t channels, size_t start, size_t vectors, const float *sums, float *rows) {
    for (size_t v = 0; v < vectors; v++) {
        for (size_t n = 0; n < channels; n += LANES) {
            vfloat square[LANES];
            // Beyond the last channel this reads memory that is there, and nothing uses what comes of it.
            for (size_t i = 0; i < LANES; i++) square[i] = load(sums + ((n + i) * vectors + v) * LANES);
            transpose(square);
            for (size_t l = 0; l < LANES; l++) store(rows + l * MONGE_GEMM_CHANNELS + n, square[l]);
        }
        size_t row = (start + v) * LANES;
        for (size_t l = 0; l < LANES && row + l < linear->rows; l++) {
            finish_row(&linear->epilogue, result_row(linear, row + l), first, channels, rows + l * MONGE_GEMM_CHANNELS);
        }
    }
}

// The tiles of all weight rows beside `depth` numbers of a panel. Meanwhile the same stretch of the next panel is asked for, a part
// with every few rows: it comes from the third-level cache, where the first tile would wait for it.
static void gemm_column(
    size_t channels, size_t vectors, const float *weights, const float *lanes, const float *next, size_t depth, bool accumulate,
    float *sums) {
    size_t elements = depth * vectors * LANES;
    for (size_t n = 0; n < channels; n += REQUEST_ROWS) {
        size_t rows = channels - n < REQUEST_ROWS ? channels - n : REQUEST_ROWS;
        size_t line = elements * n / channels / 16, last = elements * (n + rows) / channels / 16;
        for (; line < last; line++) __builtin_prefetch(next + 16 * line);
        tile_rows(rows, vectors, weights + n * DECODED, DECODED, 1, lanes, depth, accumulate, sums + n * vectors * LANES);
    }
}

static void gemm(
    const monge_linear *linear, const float *packed, size_t first, size_t end, size_t first_panel, size_t end_panel, float *scratch) {
    size_t vectors = row_vectors(linear->rows), inputs = linear->inputs, channels = end - first;
    float *decoded = scratch, *sums = decoded + MONGE_GEMM_CHANNELS * DECODED;
    float *rows = sums + (end_panel - first_panel) * MONGE_GEMM_CHANNELS * PANEL_LANES;
    // The first block of K sets the sums; without any they are zero.
    if (inputs == 0) memset(sums, 0, (size_t)(rows - sums) * sizeof(float));
    size_t first_byte = 0;
    for (size_t k = 0; k == 0 || k < inputs; k += DECODED) {
        size_t width = inputs - k < DECODED ? inputs - k : DECODED;
        const uint8_t *weight = linear->weight + first * linear->weight_row_bytes + first_byte;
        for (size_t n = 0; n < channels; n++) decode(linear->type, weight + n * linear->weight_row_bytes, width, decoded + n * DECODED);
        for (size_t panel = first_panel; panel < end_panel; panel++) {
            size_t start = panel_start(panel, vectors), stop = panel_start(panel + 1, vectors), count = stop - start;
            size_t next_count = panel + 1 < end_panel ? panel_start(panel + 2, vectors) - stop : 0;
            const float *lanes = packed + (start * inputs + k * count) * LANES;
            const float *next_lanes = packed + (stop * inputs + k * next_count) * LANES;
            float *sum = sums + (panel - first_panel) * MONGE_GEMM_CHANNELS * PANEL_LANES;
            for (size_t d = 0; d < width; d += DEPTH) {
                size_t depth = width - d < DEPTH ? width - d : DEPTH;
                const float *here = lanes + d * count * LANES;
                // Of the panel's own block of K, then of the next panel's; past the last panel, what is here already.
                const float *next = d + depth < width ? here + depth * count * LANES : next_count ? next_lanes : here;
                gemm_column(channels, count, decoded + d, here, next, depth, k + d > 0, sum);
            }
            if (k + width == inputs) gemm_finish(linear, first, channels, start, count, sum, rows);
        }
        first_byte += decoded_bytes(linear->type);
    }
}
