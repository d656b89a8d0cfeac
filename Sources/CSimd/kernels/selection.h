// The largest elements of a row, and the softmax's sum. NaN counts as −∞: it is never larger.

static size_t argmax(const float *x, size_t count) {
    vfloat best = splat(-__builtin_inff());
    vint lane = SEQUENCE, best_index = lane;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vfloat value = load(x + i);
        vint is_larger = value > best;
        best = choose(is_larger, value, best);
        best_index = (is_larger & (lane + (int32_t)i)) | (~is_larger & best_index);
    }
    float largest = -__builtin_inff();
    size_t index = 0;
    for (int l = 0; l < LANES && i > 0; l++)
        if (best[l] > largest || (best[l] == largest && (size_t)best_index[l] < index)) {
            largest = best[l];
            index = (size_t)best_index[l];
        }
    for (; i < count; i++)
        if (x[i] > largest) {
            largest = x[i];
            index = i;
        }
    return index;
}

// Whether element a stands behind element b: smaller, or equal and later.
INLINE bool stands_behind(float a, int32_t index_a, float b, int32_t index_b) { return a < b || (a == b && index_a > index_b); }

// Puts an element at the root of a heap, whose last element stands at the root, and lets it sink to its place.
INLINE void sink(float *values, int32_t *indices, size_t size, float value, int32_t index) {
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= size) break;
        if (child + 1 < size && stands_behind(values[child + 1], indices[child + 1], values[child], indices[child])) child++;
        if (!stands_behind(values[child], indices[child], value, index)) break;
        values[place] = values[child];
        indices[place] = indices[child];
        place = child;
    }
    values[place] = value;
    indices[place] = index;
}

static void top_k(const float *x, size_t count, size_t kept, float *values, int32_t *indices) {
    // Placeholders stand behind every element.
    for (size_t i = 0; i < kept; i++) {
        values[i] = -__builtin_inff();
        indices[i] = INT32_MAX;
    }
    for (size_t i = 0; i < count; i += 4 * LANES) {
        size_t end = i + 4 * LANES < count ? i + 4 * LANES : count;
        if (indices[0] != INT32_MAX && end - i == 4 * LANES) {
            // Of equal elements the earlier are kept, so that only larger ones count.
            vint any = {0};
            for (size_t v = 0; v < 4; v++) any |= load(x + i + v * LANES) > values[0];
            if (!__builtin_reduce_or(any)) continue;
        }
        for (size_t j = i; j < end; j++) {
            float value = x[j] == x[j] ? x[j] : -__builtin_inff();
            if (stands_behind(values[0], indices[0], value, (int32_t)j)) sink(values, indices, kept, value, (int32_t)j);
        }
    }
    // The last of the heap goes to the end, again and again.
    for (size_t size = kept; size-- > 1;) {
        float value = values[size];
        int32_t index = indices[size];
        values[size] = values[0];
        indices[size] = indices[0];
        sink(values, indices, size, value, index);
    }
}

// ⌊2³⁰ · eᶻ⌋ for −22 < z ≤ 0 as SampleWeight computes it, each operation rounded on its own.
INLINE vint sample_weight(vfloat z) {
#pragma clang fp contract(off)
    // The nearest integer, of two the even one.
    vfloat scaled = z * splat(1.44269504f), shifted = scaled + splat(0x1.8p23f), n = shifted - splat(0x1.8p23f);
    vfloat high = n * splat(0.693359375f), low = n * splat(2.12194440e-4f), r = (z - high) + low;
    static const float coefficients[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
    vfloat p = splat(1.0f / 5040);
    _Pragma("unroll") for (int i = 0; i < 7; i++) {
        vfloat product = p * r;
        p = product + splat(coefficients[i]);
    }
    vint power = (__builtin_convertvector(n, vint) + (127 + 30)) << 23;
    return __builtin_convertvector(p * (vfloat)power, vint);
}

static size_t sample_weights(
    const float *x, size_t count, float largest, float inverse_temperature, int32_t *places, uint32_t *weights, uint32_t *keys) {
    size_t found = 0;
    for (size_t i = 0; i < count; i += LANES) {
        size_t rest = count - i < LANES ? count - i : LANES;
        vfloat value = rest == LANES ? load(x + i) : load_part(x + i, rest);
        vfloat z = (value - splat(largest)) * splat(inverse_temperature);
        vint is_largest = value == splat(largest), can_be_chosen = is_largest | (z > splat(-22));
        // All but a few are too far from the largest.
        if (!__builtin_reduce_or(can_be_chosen)) continue;
        vint weight = (is_largest & (1 << 30)) | (~is_largest & sample_weight(z));
        vint bits = (vint)value & ~(value == 0), sign = bits >> 31, key = bits ^ (sign | INT32_MIN);
        // Without a branch for each: which of them it is cannot be foreseen.
        for (size_t l = 0; l < rest; l++) {
            places[found] = (int32_t)(i + l);
            weights[found] = (uint32_t)weight[l];
            keys[found] = (uint32_t)key[l];
            found += can_be_chosen[l] & 1;
        }
    }
    return found;
}

static double exponentials(const float *x, size_t count, float shift, float scale, float *values) {
    double total = 0;
    for (size_t i = 0; i < count;) {
        // Few enough terms a lane for f32, then on in f64.
        vfloat sum = {0};
        for (int terms = 0; terms < 16 && i + WIDE_LANES <= count; terms += WIDE_VECTORS, i += WIDE_LANES) {
            vwide value = shifted_exponential(load_wide(x + i), shift, scale);
            store_wide(values + i, value);
            vfloat parts[WIDE_VECTORS];
            memcpy(parts, &value, sizeof parts);
            for (int v = 0; v < WIDE_VECTORS; v++) sum += parts[v];
        }
        total += sum_lanes(sum);
        if (count - i >= WIDE_LANES) continue;
        for (; i < count; i += LANES) {
            size_t rest = count - i < LANES ? count - i : LANES;
            float last[LANES];
            store(last, shifted_exponential(load_part(x + i, rest), shift, scale));
            memcpy(values + i, last, rest * sizeof(float));
            for (size_t l = 0; l < rest; l++) total += last[l];
        }
    }
    return total;
}

// The largest element, −∞ where there is none but NaN.
INLINE float maximum(const float *x, size_t count) {
    vwide best = (vwide){0} - __builtin_inff();
    size_t i = 0;
    for (; i + WIDE_LANES <= count; i += WIDE_LANES) best = larger(load_wide(x + i), best);
    float largest = -__builtin_inff();
    for (int l = 0; l < WIDE_LANES && i > 0; l++) largest = best[l] > largest ? best[l] : largest;
    for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

static void softmax(const float *x, size_t count, float scale, float *values) {
    // Where all are −∞, or one is ∞, the difference is NaN, and with it the sum and every quotient.
    float factor = (float)(1 / exponentials(x, count, maximum(x, count), scale, values));
    size_t i = 0;
    for (; i + WIDE_LANES <= count; i += WIDE_LANES) store_wide(values + i, load_wide(values + i) * factor);
    for (; i < count; i++) values[i] *= factor;
}
