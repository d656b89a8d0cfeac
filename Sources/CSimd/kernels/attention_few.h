// Attention of a few queries, as when a token is decoded: were queries to stand in the lanes, most would stand empty. Keys stand
// there for the scores, whose rows are transposed as they come, and channels for the sums of values; queries go four at a time, so
// that keys and values are read once for the four. Every sum is taken in the order that many queries take it in: a query's bits do
// not depend on how many come with it.

enum { FEW_LANES = 8, FOUR = 4 };

// Adds what `width` channels make of q · k to the sums of `lanes` queries. square[i] has channel i of LANES keys.
INLINE void add_scores(
    const vfloat square[LANES], size_t width, const float *queries, size_t query_stride, int lanes, vfloat sum[FOUR]) {
    if (width == LANES) {
        _Pragma("unroll") for (int i = 0; i < LANES; i++)
            _Pragma("unroll") for (int q = 0; q < lanes; q++)
                sum[q] = fused(square[i], splat(queries[(size_t)i * query_stride + (size_t)q]), sum[q]);
    } else {
        for (size_t i = 0; i < width; i++)
            for (int q = 0; q < lanes; q++) sum[q] = fused(square[i], splat(queries[i * query_stride + (size_t)q]), sum[q]);
    }
}

// q · k of `lanes` queries, at most four, for `count` keys, as [query][key]. `queries` is the first one's lane of the packed panel.
INLINE void few_scores(
    const float *queries, size_t query_stride, size_t channels, int lanes, const key_rows *block, bool half, size_t count, float *scores) {
    size_t stride = block->stride;
    for (size_t key = 0; key < count; key += LANES) {
        const void *keys = element(block->keys, key * stride, half), *values = element(block->values, key * stride, half);
        size_t left = count - key;
        vfloat sum[FOUR] = {0};
        for (size_t c = 0; c < channels; c += LANES) {
            size_t width = channels - c < LANES ? channels - c : LANES;
            const float *place = queries + c * query_stride;
            vfloat square[LANES];
            // Apart, so that whole squares stay in registers.
            if (left >= LANES && width == LANES) {
                _Pragma("unroll") for (size_t i = 0; i < LANES; i++) {
                    square[i] = load_elements(element(keys, c + i * stride, half), LANES, half);
                    // The next keys and these values are asked for meanwhile, once a line of 64 bytes.
                    if (LANES * element_bytes(half) == 64 || c * element_bytes(half) % 64 == 0) {
                        __builtin_prefetch(element(keys, c + (i + LANES) * stride, half));
                        __builtin_prefetch(element(values, c + i * stride, half));
                    }
                }
                transpose(square);
                add_scores(square, LANES, place, query_stride, lanes, sum);
            } else {
                for (size_t i = 0; i < LANES; i++) {
                    // Past the last key its scores are repeated.
                    square[i] = load_elements(element(keys, c + (i < left ? i : left - 1) * stride, half), width, half);
                }
                transpose(square);
                add_scores(square, width, place, query_stride, lanes, sum);
            }
        }
        for (int q = 0; q < lanes; q++) store(scores + (size_t)q * MONGE_KEY_BLOCK + key, sum[q]);
    }
}

// Σ weight · value for `vectors` vectors of channels, the last of `width` channels.
INLINE void few_sums(
    const void *values, bool half, size_t key_stride, const float *weights, size_t count, int lanes, int vectors, size_t width,
    size_t stride, float *state) {
    vfloat sum[FOUR][4] = {0};
    for (size_t key = 0; key < count; key++)
        _Pragma("unroll") for (int v = 0; v < vectors; v++) {
            vfloat value = load_elements(element(values, key * key_stride + (size_t)v * LANES, half), width, half);
            _Pragma("unroll") for (int q = 0; q < lanes; q++)
                sum[q][v] = fused(splat(weights[(size_t)q * MONGE_KEY_BLOCK + key]), value, sum[q][v]);
        }
    for (int q = 0; q < lanes; q++)
        for (int v = 0; v < vectors; v++)
            for (size_t i = 0; i < width; i++) state[((size_t)v * LANES + i) * stride + (size_t)q] = sum[q][v][i];
}

// The vectors of channels whose sums stay in registers for four queries.
#if LANES == 16 || defined(__aarch64__)
enum { FEW_VECTORS = 4 };
#else
enum { FEW_VECTORS = 2 };
#endif

// `lanes` queries from `lane` on.
INLINE void few_lanes(
    const monge_attention *attention, size_t lane, int lanes, const key_rows *block, bool half, size_t first, size_t end,
    const float *packed, float *state, float *scores) {
    size_t channels = attention->channels, stride = LANES * row_vectors(lanes_of(attention)), count = end - first;
    few_scores(packed + lane, stride, channels, lanes, block, half, count, scores);
    float shift[FOUR], total[FOUR] = {0};
    size_t rounded = (count + LANES - 1) / LANES * LANES;
    for (int q = 0; q < lanes; q++) {
        float *row = scores + (size_t)q * MONGE_KEY_BLOCK;
        cap_scores(attention, rounded, row);
        if (attention->bias) {
            const float *bias = bias_row(attention, lane + (size_t)q) + first;
            for (size_t key = 0; key < count; key++) row[key] += bias[key];
        }
        for (size_t key = count; key < rounded; key++) row[key] = -__builtin_inff();
    }
    mask_scores(attention, lane, (size_t)lanes, first, end, 1, MONGE_KEY_BLOCK, scores);
    for (int q = 0; q < lanes; q++) {
        float *row = scores + (size_t)q * MONGE_KEY_BLOCK;
        vfloat largest = splat(-__FLT_MAX__);
        for (size_t key = 0; key < rounded; key += LANES) largest = larger(load(row + key), largest);
        shift[q] = largest[0];
        for (int i = 1; i < LANES; i++) shift[q] = largest[i] > shift[q] ? largest[i] : shift[q];
        for (size_t key = 0; key < rounded; key += LANES) store(row + key, exponential(load(row + key) - splat(shift[q])));
    }
    for (size_t key = 0; key < count; key++)
        _Pragma("unroll") for (int q = 0; q < lanes; q++) total[q] += scores[(size_t)q * MONGE_KEY_BLOCK + key];
    for (int q = 0; q < lanes; q++) {
        state[channels * stride + lane + (size_t)q] = shift[q];
        state[(channels + 1) * stride + lane + (size_t)q] = total[q];
    }
    size_t c = 0;
    for (; c + FEW_VECTORS * LANES <= channels; c += FEW_VECTORS * LANES)
        few_sums(
            element(block->values, c, half), half, block->stride, scores, count, lanes, FEW_VECTORS, LANES, stride,
            state + c * stride + lane);
    for (; c + LANES <= channels; c += LANES)
        few_sums(element(block->values, c, half), half, block->stride, scores, count, lanes, 1, LANES, stride, state + c * stride + lane);
    if (c < channels)
        few_sums(
            element(block->values, c, half), half, block->stride, scores, count, lanes, 1, channels - c, stride,
            state + c * stride + lane);
}

INLINE void few_queries_rows(
    const monge_attention *attention, const key_rows *block, bool half, size_t first, size_t end, const float *packed, float *state,
    float *scores) {
    size_t lanes = lanes_of(attention);
    for (size_t lane = 0; lane < lanes; lane += FOUR) {
        switch (lanes - lane) {
        case 1: few_lanes(attention, lane, 1, block, half, first, end, packed, state, scores); break;
        case 2: few_lanes(attention, lane, 2, block, half, first, end, packed, state, scores); break;
        case 3: few_lanes(attention, lane, 3, block, half, first, end, packed, state, scores); break;
        default: few_lanes(attention, lane, FOUR, block, half, first, end, packed, state, scores);
        }
    }
}

// Each a function of its own: in one, those of f32 lose up to a quarter of their speed (`monge bench kernels --device cpu --op attention
// --sizes 8B --matching '1 sequences of 1 queries and 2048 keys'`, AVX-512).
__attribute__((noinline)) static void few_queries_singles(
    const monge_attention *attention, const key_rows *block, size_t first, size_t end, const float *packed, float *state, float *scores) {
    few_queries_rows(attention, block, false, first, end, packed, state, scores);
}
__attribute__((noinline)) static void few_queries_halves(
    const monge_attention *attention, const key_rows *block, size_t first, size_t end, const float *packed, float *state, float *scores) {
    few_queries_rows(attention, block, true, first, end, packed, state, scores);
}

// Rows of f16 that lie together are widened as they are read, without copies.
static void few_queries_block(
    const monge_attention *attention, size_t first, size_t end, const float *packed, float *state, float *scores) {
    if (attention->half_keys && lie_together(attention, first, end)) {
        key_rows block = rows_in_place(attention, first);
        few_queries_halves(attention, &block, first, end, packed, state, scores);
    } else {
        key_rows block = block_rows(attention, first, end, scores);
        few_queries_singles(attention, &block, first, end, packed, state, scores);
    }
}
