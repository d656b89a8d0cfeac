// Maps whose strength differs from row to row by a gate: λ·σ(⟨v, x⟩ + c₀) in the place of λ.

// ⟨weights, x⟩
INLINE float row_product(const void *x, const float *weights, size_t channels, bool half) {
    vwide wide = {0};
    size_t i = 0;
    for (; i + WIDE_LANES <= channels; i += WIDE_LANES)
        wide = fused(load_whole_run(element(x, i, half), half), load_whole_run(weights + i, false), wide);
    vfloat sum[WIDE_VECTORS];
    memcpy(sum, &wide, sizeof sum);
    for (; i < channels; i += LANES)
        sum[0] = fused(load_elements(element(x, i, half), channels - i, half), load_elements(weights + i, channels - i, false), sum[0]);
    return sum_of_four(sum);
}

INLINE float logistic(float x) {
    vwide value = activated(MONGE_SIGMOID, (vwide){0} + x);
    return ((const float *)&value)[0];
}

INLINE void gated_transport_rows(
    const void *x, bool half, const monge_transport *transport, const float *weights, const float *intercepts, size_t channels,
    size_t first, size_t end, void *output, bool half_output) {
    for (size_t row = first; row < end; row++) {
        const void *values = element(x, row * channels, half);
        void *result = element_place(output, row * channels, half_output);
        float strength = 0;
        const float *map = transport_map(transport, row, &strength);
        if (!map && half == half_output) {
            if (values != result) memcpy(result, values, channels * element_bytes(half));
            continue;
        }
        if (map) {
            // The map is asked for while the product is summed.
            if (row == first) prefetch_row(map, 4 * channels);
            size_t index = (size_t)transport->indices[row / transport->rows_per_index];
            if (intercepts[index] < __builtin_inff())
                strength *= logistic(row_product(values, weights + index * channels, channels, half) + intercepts[index]);
        }
        for (size_t i = 0; i < channels; i += WIDE_LANES) {
            size_t rest = channels - i;
            vwide value = load_run(element(values, i, half), rest, half);
            if (map) value = transported_run(value, map + 4 * i, splat(strength), rest);
            store_run(element_place(result, i, half_output), value, rest, half_output);
        }
    }
}

static void gated_transport(
    const void *x, bool half, const monge_transport *transport, const float *weights, const float *intercepts, size_t channels,
    size_t first, size_t end, void *output, bool half_output) {
#define ROWS(HALF, HALF_OUTPUT) \
    gated_transport_rows(x, HALF, transport, weights, intercepts, channels, first, end, output, HALF_OUTPUT)
    FOR_TYPES(half, half_output, ROWS)
#undef ROWS
}
