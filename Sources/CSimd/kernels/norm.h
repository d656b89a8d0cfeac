// Norms over the channels of a row, and moments of the channels over rows. x is f32 or f16, and so is the result; sums are of f32.

// Sums are four side by side: additions need not wait for one another, and each sums fewer terms.
INLINE float sum_of_four(vfloat sum[WIDE_VECTORS]) { return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3])); }

INLINE float mean_square(const void *x, size_t channels, bool half) {
    vwide wide = {0};
    size_t i = 0;
    for (; i + WIDE_LANES <= channels; i += WIDE_LANES) {
        vwide value = load_whole_run(element(x, i, half), half);
        wide = fused(value, value, wide);
    }
    vfloat sum[WIDE_VECTORS];
    memcpy(sum, &wide, sizeof sum);
    for (; i < channels; i += LANES) {
        vfloat value = load_elements(element(x, i, half), channels - i, half);
        sum[0] = fused(value, value, sum[0]);
    }
    return sum_of_four(sum) / (float)channels;
}

enum {
    // The channels by which a map is asked for ahead of its use, 64 lines: a core waits for some tens of lines at once.
    AHEAD_OF_MAP = 256,
};

INLINE void rms_norm_rows(
    const void *x, bool half, const float *gain, float epsilon, const monge_transport *transport, size_t channels, size_t first,
    size_t end, void *output, bool half_output) {
    for (size_t row = first; row < end; row++) {
        const void *values = element(x, row * channels, half);
        void *result = element_place(output, row * channels, half_output);
        float strength = 0;
        const float *map = transport_map(transport, row, &strength);
        // The weights that streamed by since this norm's last token have pushed its gain and its map out of the caches near the core: the gain and
        // the beginning of the map are asked for while the squares are summed, the rest of the map while what comes before it is applied.
        if (row == first) prefetch_row(gain, channels);
        if (map && row == first) prefetch_row(map, 4 * (channels < AHEAD_OF_MAP ? channels : AHEAD_OF_MAP));
        // Without a deviation every value is zero, and stays it, unless there is no epsilon: then 0/0 is what was asked for.
        float factor = 1 / __builtin_sqrtf(mean_square(values, channels, half) + epsilon);
        for (size_t i = 0; i < channels; i += WIDE_LANES) {
            size_t rest = channels - i;
            if (map && row == first && rest > AHEAD_OF_MAP) {
                size_t later = rest - AHEAD_OF_MAP;
                prefetch_row(map + 4 * (i + AHEAD_OF_MAP), 4 * (later < WIDE_LANES ? later : WIDE_LANES));
            }
            vwide value = load_run(element(values, i, half), rest, half) * factor * load_run(gain + i, rest, false);
            if (map) value = transported_run(value, map + 4 * i, splat(strength), rest);
            store_run(element_place(result, i, half_output), value, rest, half_output);
        }
    }
}

static void rms_norm(
    const void *x, bool half, const float *gain, float epsilon, const monge_transport *transport, size_t channels, size_t first,
    size_t end, void *output, bool half_output) {
#define ROWS(HALF, HALF_OUTPUT) rms_norm_rows(x, HALF, gain, epsilon, transport, channels, first, end, output, HALF_OUTPUT)
    FOR_TYPES(half, half_output, ROWS)
#undef ROWS
}

// Σ(x − pivot)
INLINE float row_sum(const void *x, float pivot, size_t channels, bool half) {
    vwide wide = {0};
    size_t i = 0;
    for (; i + WIDE_LANES <= channels; i += WIDE_LANES) wide += load_whole_run(element(x, i, half), half) - pivot;
    vfloat sum[WIDE_VECTORS];
    memcpy(sum, &wide, sizeof sum);
    float total = sum_of_four(sum);
    for (; i < channels; i++) total += load_element(element(x, i, half), half) - pivot;
    return total;
}

typedef struct {
    float sum;
    float squares;
} centred_sums;

// Σ(x − mean) and Σ(x − mean)² with the mean that is given.
INLINE centred_sums centred(const void *x, float mean, size_t channels, bool half) {
    vwide wide = {0}, wide_squares = {0};
    size_t i = 0;
    for (; i + WIDE_LANES <= channels; i += WIDE_LANES) {
        vwide value = load_whole_run(element(x, i, half), half) - mean;
        wide += value;
        wide_squares = fused(value, value, wide_squares);
    }
    vfloat sum[WIDE_VECTORS], squares[WIDE_VECTORS];
    memcpy(sum, &wide, sizeof sum);
    memcpy(squares, &wide_squares, sizeof squares);
    centred_sums total = {sum_of_four(sum), sum_of_four(squares)};
    for (; i < channels; i++) {
        float value = load_element(element(x, i, half), half) - mean;
        total.sum += value;
        total.squares += value * value;
    }
    return total;
}

INLINE void layer_norm_rows(
    const void *x, bool half, const float *gain, const float *bias, float epsilon, const monge_transport *transport, size_t channels,
    size_t first, size_t end, void *output, bool half_output) {
    for (size_t row = first; row < end; row++) {
        const void *values = element(x, row * channels, half);
        void *result = element_place(output, row * channels, half_output);
        float strength = 0;
        const float *map = transport_map(transport, row, &strength);
        // About the first value, the mean of equal values is exact; about that, what the mean itself has lost to rounding is the mean of
        // what is centred (Chan, Golub & LeVeque 1983).
        float pivot = load_element(values, half);
        float mean = pivot + row_sum(values, pivot, channels, half) / (float)channels;
        centred_sums sums = centred(values, mean, channels, half);
        float correction = sums.sum / (float)channels, variance = sums.squares / (float)channels - correction * correction;
        variance = variance < 0 ? 0 : variance;
        float factor = 1 / __builtin_sqrtf(variance + epsilon);
        for (size_t i = 0; i < channels; i += WIDE_LANES) {
            size_t rest = channels - i;
            vwide value = (load_run(element(values, i, half), rest, half) - mean - correction) * factor;
            if (gain) value *= load_run(gain + i, rest, false);
            if (bias) value += load_run(bias + i, rest, false);
            if (map) value = transported_run(value, map + 4 * i, splat(strength), rest);
            store_run(element_place(result, i, half_output), value, rest, half_output);
        }
    }
}

static void layer_norm(
    const void *x, bool half, const float *gain, const float *bias, float epsilon, const monge_transport *transport, size_t channels,
    size_t first, size_t end, void *output, bool half_output) {
#define ROWS(HALF, HALF_OUTPUT) \
    layer_norm_rows(x, HALF, gain, bias, epsilon, transport, channels, first, end, output, HALF_OUTPUT)
    FOR_TYPES(half, half_output, ROWS)
#undef ROWS
}

enum {
    // Rows that are centred about a mean of their own, which is then folded into that of all (Chan, Golub & LeVeque 1979).
    MOMENT_ROWS = 16,
};

INLINE void channel_moments_of(const void *x, bool half, size_t rows, size_t channels, float *means, float *squares) {
    for (size_t row = 0; row < rows; row += MOMENT_ROWS) {
        size_t count = rows - row < MOMENT_ROWS ? rows - row : MOMENT_ROWS;
        const void *block = element(x, row * channels, half);
        float inverse = 1 / (float)count;
        // What the block adds to the mean, and to the squares by the distance of the means.
        float share = (float)count / (float)(row + count), weight = (float)row * share;
        for (size_t c = 0; c < channels; c += WIDE_LANES) {
            size_t rest = channels - c;
            const void *columns = element(block, c, half);
            vwide sum = {0}, spread = {0};
            // About the first row, so that the mean of equal values is exact.
            vwide pivot = load_run(columns, rest, half);
            for (size_t r = 1; r < count; r++) sum += load_run(element(columns, r * channels, half), rest, half) - pivot;
            vwide mean = fused(sum, (vwide){0} + inverse, pivot);
            // The block is in the nearest cache.
            for (size_t r = 0; r < count; r++) {
                vwide centred = load_run(element(columns, r * channels, half), rest, half) - mean;
                spread = fused(centred, centred, spread);
            }
            if (row > 0) {
                vwide before = load_run(means + c, rest, false), difference = mean - before;
                mean = fused(difference, (vwide){0} + share, before);
                spread += difference * difference * weight + load_run(squares + c, rest, false);
            }
            store_run(means + c, mean, rest, false);
            store_run(squares + c, spread, rest, false);
        }
    }
}

static void channel_moments(const void *x, bool half, size_t rows, size_t channels, float *means, float *squares) {
    if (half)
        channel_moments_of(x, true, rows, channels, means, squares);
    else
        channel_moments_of(x, false, rows, channels, means, squares);
}
