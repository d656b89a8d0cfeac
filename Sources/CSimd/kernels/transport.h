// The map of each row: y = x + λ·(ω·x + β − x) where low < x < high, x bit for bit elsewhere.

// The index of a row's map, 0 when the row stays as it is.
INLINE size_t transport_index(const monge_transport *transport, size_t row, float *strength) {
    int32_t index = transport->indices[row / transport->rows_per_index];
    *strength = transport->strengths[row / transport->rows_per_strength];
    return index <= 0 || (size_t)index >= transport->maps || *strength == 0 ? 0 : (size_t)index;
}

// The map of a row, or NULL when the row stays as it is.
INLINE const float *transport_map(const monge_transport *transport, size_t row, float *strength) {
    if (!transport->table) return NULL;
    size_t index = transport_index(transport, row, strength);
    return index ? transport->table + index * transport->channels * 4 : NULL;
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

// WIDE_LANES neurons, or the `rest` that there are.
INLINE vwide transported_run(vwide x, const float *map, vfloat strength, size_t rest) {
    float padded[4 * WIDE_LANES];
    if (rest < WIDE_LANES) {
        memset(padded, 0, sizeof padded);
        memcpy(padded, map, rest * 4 * sizeof(float));
        map = padded;
    }
    vfloat parts[WIDE_VECTORS];
    memcpy(parts, &x, sizeof parts);
    for (int v = 0; v < WIDE_VECTORS; v++) parts[v] = transported(parts[v], map + 4 * v * LANES, strength);
    return load_wide((const float *)parts);
}
