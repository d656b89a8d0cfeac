// The map of each row: y = x + λ·(ω·x + β − x) where low < x < high, x bit for bit elsewhere.

// The map of a row, or NULL when the row stays as it is.
INLINE const float *transport_map(const monge_transport *transport, size_t row, float *strength) {
    if (!transport->table) return NULL;
    int32_t index = transport->indices[row / transport->rows_per_index];
    *strength = transport->strengths[row / transport->rows_per_strength];
    if (index <= 0 || (size_t)index >= transport->maps || *strength == 0) return NULL;
    return transport->table + (size_t)index * transport->channels * 4;
}

// LANES neurons, whose (ω, β, low, high) lie one after the other.
INLINE vfloat transported(vfloat x, const float *map, vfloat strength) {
    vfloat a = load(map), b = load(map + LANES), c = load(map + 2 * LANES), d = load(map + 3 * LANES);
    vfloat first_ab = SHUFFLE(a, b, FIRST_PAIRS), first_cd = SHUFFLE(c, d, FIRST_PAIRS);
    vfloat second_ab = SHUFFLE(a, b, SECOND_PAIRS), second_cd = SHUFFLE(c, d, SECOND_PAIRS);
    vfloat omega = SHUFFLE(first_ab, first_cd, LOW_HALVES), beta = SHUFFLE(first_ab, first_cd, HIGH_HALVES);
    vfloat low = SHUFFLE(second_ab, second_cd, LOW_HALVES), high = SHUFFLE(second_ab, second_cd, HIGH_HALVES);
    vfloat moved = fused(strength, fused(omega, x, beta) - x, x);
    return choose((low < x) & (x < high), moved, x);
}

// The same for fewer neurons than lanes.
INLINE vfloat transported_part(vfloat x, const float *map, vfloat strength, size_t count) {
    float padded[4 * LANES] = {0};
    memcpy(padded, map, count * 4 * sizeof(float));
    return transported(x, padded, strength);
}

// `count` neurons from the first that `map` describes; the output may be x.
INLINE void transport_channels(const float *x, const float *map, float strength, size_t count, float *output) {
    vfloat factor = splat(strength);
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(output + i, transported(load(x + i), map + 4 * i, factor));
    if (i < count) {
        vfloat part = transported_part(load_part(x + i, count - i), map + 4 * i, factor, count - i);
        store_part(output + i, part, count - i);
    }
}

static void transport_rows(
    const monge_transport *transport, const float *x, monge_activation activation, size_t first, size_t end, float *output) {
    size_t channels = transport->channels;
    for (size_t row = first; row < end; row++) {
        float strength;
        const float *map = transport_map(transport, row, &strength);
        if (map)
            transport_channels(x + row * channels, map, strength, channels, output + row * channels);
        else if (output != x)
            memcpy(output + row * channels, x + row * channels, channels * sizeof(float));
        activate(activation, output + row * channels, channels);
    }
}

// A shift of 0 leaves x the same bit for bit: −0 + 0 would be 0.
INLINE vfloat shifted(vfloat x, vfloat shift) { return choose(shift == 0, x, x + shift); }

static void shift_rows(
    const float *x, const float *shift, monge_activation activation, size_t rows, size_t channels, float *output) {
    for (size_t row = 0; row < rows; row++) {
        const float *values = x + row * channels;
        float *result = output + row * channels;
        size_t i = 0;
        for (; i + LANES <= channels; i += LANES) store(result + i, shifted(load(values + i), load(shift + i)));
        if (i < channels) {
            size_t count = channels - i;
            store_part(result + i, shifted(load_part(values + i, count), load_part(shift + i, count)), count);
        }
        activate(activation, result, channels);
    }
}
