// Maps between clusters: λ·Σ softmax(⟨v_i, x⟩ + c_i)·d_i is added to a row.

// The clusters of a map: λ times the softmax of its scores, and the shift that each is of.
typedef struct {
    size_t count;
    float factors[MONGE_CLUSTERS];
    const float *shifts[MONGE_CLUSTERS];
} weighted_shifts;

INLINE weighted_shifts weigh_clusters(
    const void *x, bool half, const monge_clusters *clusters, size_t index, float strength, size_t channels) {
    weighted_shifts result = {0};
    float scores[WIDE_LANES];
    float highest = -__builtin_inff();
    for (size_t i = index * clusters->count; i < (index + 1) * clusters->count; i++) {
        if (clusters->intercepts[i] == -__builtin_inff()) continue;
        float score = row_product(x, clusters->weights + i * channels, channels, half) + clusters->intercepts[i];
        // A score that is no number makes the highest one, too.
        if (!(score <= highest)) highest = score;
        scores[result.count] = score;
        result.shifts[result.count++] = clusters->shifts + i * channels;
    }
    for (size_t k = 0; k < WIDE_LANES; k++) scores[k] = k < result.count ? scores[k] - highest : 0;
    vwide exponentials = exponential(load_wide(scores));
    memcpy(scores, &exponentials, sizeof scores);
    float total = 0;
    for (size_t k = 0; k < result.count; k++) total += scores[k];
    for (size_t k = 0; k < result.count; k++) result.factors[k] = strength * (scores[k] / total);
    return result;
}

INLINE void cluster_transport_rows(
    const void *x, bool half, const monge_transport *transport, const monge_clusters *clusters, size_t channels, size_t first, size_t end,
    void *output, bool half_output) {
    for (size_t row = first; row < end; row++) {
        const void *values = element(x, row * channels, half);
        void *result = element_place(output, row * channels, half_output);
        float strength = 0;
        size_t index = transport_index(transport, row, &strength);
        weighted_shifts shifts = {0};
        if (index) shifts = weigh_clusters(values, half, clusters, index, strength, channels);
        if (shifts.count == 0 && half == half_output) {
            if (values != result) memcpy(result, values, channels * element_bytes(half));
            continue;
        }
        for (size_t i = 0; i < channels; i += WIDE_LANES) {
            size_t rest = channels - i;
            vwide value = load_run(element(values, i, half), rest, half);
            if (shifts.count > 0) {
                vwide sum = {0};
                for (size_t k = 0; k < shifts.count; k++)
                    sum = fused((vwide){0} + shifts.factors[k], load_run(shifts.shifts[k] + i, rest, false), sum);
                value += sum;
            }
            store_run(element_place(result, i, half_output), value, rest, half_output);
        }
    }
}

static void cluster_transport(
    const void *x, bool half, const monge_transport *transport, const monge_clusters *clusters, size_t channels, size_t first, size_t end,
    void *output, bool half_output) {
#define ROWS(HALF, HALF_OUTPUT) \
    cluster_transport_rows(x, HALF, transport, clusters, channels, first, end, output, HALF_OUTPUT)
    FOR_TYPES(half, half_output, ROWS)
#undef ROWS
}
