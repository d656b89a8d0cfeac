INLINE float mean_square(const float *x, size_t channels) {
    // Four sums side by side: additions need not wait for one another, and each sums fewer terms.
    vfloat sum[4] = {0};
    size_t i = 0;
    for (; i + 4 * LANES <= channels; i += 4 * LANES)
        for (int v = 0; v < 4; v++) {
            vfloat value = load(x + i + (size_t)v * LANES);
            sum[v] = fused(value, value, sum[v]);
        }
    for (; i < channels; i += LANES) {
        vfloat value = load_part(x + i, channels - i < LANES ? channels - i : LANES);
        sum[0] = fused(value, value, sum[0]);
    }
    return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3])) / (float)channels;
}

static void rms_norm(
    const float *x, const float *gain, float epsilon, const monge_transport *transport, size_t channels, size_t first, size_t end,
    float *output) {
    for (size_t row = first; row < end; row++) {
        const float *values = x + row * channels;
        float *result = output + row * channels;
        float strength = 0;
        const float *map = transport_map(transport, row, &strength);
        // The weights that streamed by since this norm's last token have pushed its map out of the caches near the core: it is asked for
        // while the squares are summed.
        if (map && row == first) prefetch_row(map, 4 * channels);
        float deviation = __builtin_sqrtf(mean_square(values, channels) + epsilon);
        // Without a deviation every value is zero, and stays it, unless there is no epsilon: then 0/0 is what was asked for.
        vfloat factor = splat(1 / deviation);
        size_t i = 0;
        if (map) {
            for (; i + LANES <= channels; i += LANES) {
                vfloat value = load(values + i) * factor * load(gain + i);
                store(result + i, transported(value, map + 4 * i, splat(strength)));
            }
        } else {
            for (; i + LANES <= channels; i += LANES) store(result + i, load(values + i) * factor * load(gain + i));
        }
        if (i < channels) {
            size_t count = channels - i;
            vfloat value = load_part(values + i, count) * factor * load_part(gain + i, count);
            if (map) value = transported_part(value, map + 4 * i, splat(strength), count);
            store_part(result + i, value, count);
        }
    }
}
