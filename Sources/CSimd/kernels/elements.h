// Activations, f32 or f16, as vectors of f32: widened as they are loaded, which is exact, and rounded once, as they are stored. `half` is a
// constant wherever these are inlined.

INLINE size_t element_bytes(bool half) { return half ? sizeof(uint16_t) : sizeof(float); }

INLINE const void *element(const void *p, size_t i, bool half) { return (const uint8_t *)p + i * element_bytes(half); }

INLINE void *element_place(void *p, size_t i, bool half) { return (uint8_t *)p + i * element_bytes(half); }

INLINE vwide load_wide(const float *p) {
    vwide v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_wide(float *p, vwide v) { memcpy(p, &v, sizeof v); }

// LANES elements, of which those from `count` on are zeros.
INLINE vfloat load_elements(const void *p, size_t count, bool half) {
    if (!half) return count >= LANES ? load(p) : load_part(p, count);
    vhalf bits = {0};
    memcpy(&bits, p, count >= LANES ? sizeof bits : count * sizeof(uint16_t));
    return half_values(bits);
}

INLINE vwide load_whole_run(const void *p, bool half) {
    if (!half) return load_wide(p);
    vfloat parts[WIDE_VECTORS];
    for (int v = 0; v < WIDE_VECTORS; v++) parts[v] = load_elements(element(p, (size_t)v * LANES, half), LANES, half);
    return load_wide((const float *)parts);
}

INLINE void store_whole_run(void *p, vwide values, bool half) {
    if (!half) {
        store_wide(p, values);
        return;
    }
    vfloat parts[WIDE_VECTORS];
    memcpy(parts, &values, sizeof parts);
    vhalf bits[WIDE_VECTORS];
    for (int v = 0; v < WIDE_VECTORS; v++) bits[v] = half_bits(parts[v]);
    memcpy(p, bits, sizeof bits);
}

// WIDE_LANES elements, or the `rest` that there are: what lies behind them is undefined.
INLINE vwide load_run(const void *p, size_t rest, bool half) {
    if (rest >= WIDE_LANES) return load_whole_run(p, half);
    float padded[WIDE_LANES];
    memcpy(padded, p, rest * element_bytes(half));
    return load_whole_run(padded, half);
}

INLINE void store_run(void *p, vwide values, size_t rest, bool half) {
    if (rest >= WIDE_LANES) {
        store_whole_run(p, values, half);
        return;
    }
    float padded[WIDE_LANES];
    store_whole_run(padded, values, half);
    memcpy(p, padded, rest * element_bytes(half));
}

// CALL with the types of operand and result as constants, so that each pair is a function of its own.
#define FOR_TYPES(half, half_output, CALL) \
    switch (2 * (int)(half) + (int)(half_output)) { \
    case 0: CALL(false, false); break; \
    case 1: CALL(false, true); break; \
    case 2: CALL(true, false); break; \
    default: CALL(true, true); break; \
    }

INLINE float load_element(const void *p, bool half) { return half ? half_value(read16(p)) : *(const float *)p; }
