// Attention of a few queries, as when a token is decoded: were queries to stand in the lanes, most would stand empty. Channels
// stand there instead, and queries go four at a time: a vector holds the scores of LANES / 4 keys for four queries, and keys and
// values are read once for the four.

enum { FEW_LANES = 8, FOUR = 4, KEYS_A_VECTOR = LANES / FOUR };

// q · k for `count` keys, as [key][query]; past the last key its scores are repeated.
static void few_scores(
    const monge_attention *attention, const float *const *query, const key_rows *block, size_t count, float *scores) {
    size_t channels = attention->channels, key_stride = block->stride;
    for (size_t key = 0; key < count; key += KEYS_A_VECTOR) {
        const float *row[KEYS_A_VECTOR];
        for (size_t i = 0; i < KEYS_A_VECTOR; i++) {
            size_t place = key + i < count ? key + i : count - 1;
            row[i] = block->keys + place * key_stride;
            prefetch_row(row[i] + 16 * key_stride, channels);
            prefetch_row(block->values + place * key_stride, channels);
        }
        vfloat sum[LANES] = {0};
        for (size_t c = 0; c < channels; c += LANES) {
            size_t width = channels - c < LANES ? channels - c : LANES;
            vfloat factor[FOUR];
            for (int q = 0; q < FOUR; q++) factor[q] = width == LANES ? load(query[q] + c) : load_part(query[q] + c, width);
            for (int i = 0; i < KEYS_A_VECTOR; i++) {
                vfloat value = width == LANES ? load(row[i] + c) : load_part(row[i] + c, width);
                for (int q = 0; q < FOUR; q++) sum[i * FOUR + q] = fused(value, factor[q], sum[i * FOUR + q]);
            }
        }
        store(scores + key * FOUR, sum_each(sum) * attention->scale);
    }
}

// The largest, or the sum, of each query's scores, four side by side in `result`.
INLINE void fold_quarters(vfloat v, bool largest, float result[FOUR]) {
    float lane[LANES];
    store(lane, v);
    for (int i = FOUR; i < LANES; i++) {
        float *place = lane + i % FOUR;
        *place = largest ? (lane[i] > *place ? lane[i] : *place) : *place + lane[i];
    }
    memcpy(result, lane, FOUR * sizeof(float));
}

// Σ weight · value for `vectors` vectors of channels from channel c.
#define DEFINE_FEW_SUMS(VECTORS)                                                                                          \
    static void few_sums_##VECTORS(                                                                                       \
        const float *values, size_t key_stride, const float *weights, size_t count, size_t stride, float *state) {        \
        vfloat sum[FOUR][VECTORS] = {0};                                                                                  \
        for (size_t key = 0; key < count; key++)                                                                          \
            _Pragma("unroll") for (int v = 0; v < VECTORS; v++) {                                                         \
                vfloat value = load(values + key * key_stride + v * LANES);                                               \
                _Pragma("unroll") for (int q = 0; q < FOUR; q++)                                                          \
                    sum[q][v] = fused(splat(weights[key * FOUR + (size_t)q]), value, sum[q][v]);                          \
            }                                                                                                             \
        for (int q = 0; q < FOUR; q++)                                                                                    \
            for (int v = 0; v < VECTORS; v++)                                                                             \
                for (int i = 0; i < LANES; i++) state[(size_t)(v * LANES + i) * stride + (size_t)q] = sum[q][v][i];       \
    }

DEFINE_FEW_SUMS(1)
#if LANES == 16 || defined(__aarch64__)
enum { FEW_VECTORS = 4 };
DEFINE_FEW_SUMS(4)
#define few_sums_wide few_sums_4
#else
enum { FEW_VECTORS = 2 };
DEFINE_FEW_SUMS(2)
#define few_sums_wide few_sums_2
#endif

static void few_queries_block(const monge_attention *attention, size_t first, size_t end, float *state, float *scores) {
    size_t channels = attention->channels, stride = LANES * row_vectors(lanes_of(attention)), count = end - first;
    size_t lanes = lanes_of(attention);
    key_rows block = block_rows(attention, first, end, scores);
    const float *values = block.values;
    size_t key_stride = block.stride;
    size_t rounded = (count + KEYS_A_VECTOR - 1) / KEYS_A_VECTOR * KEYS_A_VECTOR;
    for (size_t lane = 0; lane < lanes; lane += FOUR) {
        // What is missing to four repeats the last query, and is left out at the end.
        size_t used = lanes - lane < FOUR ? lanes - lane : FOUR;
        const float *query[FOUR];
        for (size_t q = 0; q < FOUR; q++)
            query[q] = attention->queries + lane_offset(query_layout(attention), lane + (q < used ? q : used - 1), channels);
        few_scores(attention, query, &block, count, scores);
        cap_scores(attention, rounded * FOUR, scores);
        if (attention->bias)
            for (size_t q = 0; q < used; q++) {
                const float *bias = bias_row(attention, lane + q) + first;
                for (size_t key = 0; key < count; key++) scores[key * FOUR + q] += bias[key];
            }
        mask_scores(attention, lane, used, first, end, FOUR, scores);
        for (size_t i = count * FOUR; i < rounded * FOUR; i++) scores[i] = -__builtin_inff();

        vfloat largest = splat(-__FLT_MAX__), total = {0};
        for (size_t i = 0; i < rounded * FOUR; i += LANES) largest = larger(load(scores + i), largest);
        float shifts[LANES];
        fold_quarters(largest, true, shifts);
        for (int i = FOUR; i < LANES; i++) shifts[i] = shifts[i % FOUR];
        vfloat shift = load(shifts);
        for (size_t i = 0; i < rounded * FOUR; i += LANES) {
            vfloat weight = exponential(load(scores + i) - shift);
            total += weight;
            store(scores + i, weight);
        }
        float totals[FOUR];
        fold_quarters(total, false, totals);
        // The lanes of the state beyond those that are used are not read, but a store of four stays inside it.
        memcpy(state + channels * stride + lane, shifts, sizeof totals);
        memcpy(state + (channels + 1) * stride + lane, totals, sizeof totals);

        size_t c = 0;
        for (; c + FEW_VECTORS * LANES <= channels; c += FEW_VECTORS * LANES)
            few_sums_wide(values + c, key_stride, scores, count, stride, state + c * stride + lane);
        for (; c + LANES <= channels; c += LANES) few_sums_1(values + c, key_stride, scores, count, stride, state + c * stride + lane);
        for (; c < channels; c++)
            for (size_t q = 0; q < FOUR; q++) {
                float sum = 0;
                for (size_t key = 0; key < count; key++) sum += scores[key * FOUR + q] * values[key * key_stride + c];
                state[c * stride + lane + q] = sum;
            }
    }
}
