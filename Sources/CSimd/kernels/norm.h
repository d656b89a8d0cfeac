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

// Σx, or Σ(x − mean)² with the mean that is given.
INLINE float row_sum(const float *x, size_t channels) {
    vfloat sum[4] = {0};
    size_t i = 0;
    for (; i + 4 * LANES <= channels; i += 4 * LANES)
        for (int v = 0; v < 4; v++) sum[v] += load(x + i + (size_t)v * LANES);
    for (; i < channels; i += LANES) sum[0] += load_part(x + i, channels - i < LANES ? channels - i : LANES);
    return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

INLINE float centred_squares(const float *x, float mean, size_t channels) {
    vfloat sum[4] = {0}, shift = splat(mean);
    size_t i = 0;
    for (; i + 4 * LANES <= channels; i += 4 * LANES)
        for (int v = 0; v < 4; v++) {
            vfloat value = load(x + i + (size_t)v * LANES) - shift;
            sum[v] = fused(value, value, sum[v]);
        }
    float total = sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (; i < channels; i++) total += (x[i] - mean) * (x[i] - mean);
    return total;
}

// LANES channels, of which those from `count` on are not there.
INLINE vfloat layer_norm_part(
    const float *x, const float *gain, const float *bias, vfloat mean, vfloat factor, size_t count) {
    vfloat value = (load_part(x, count) - mean) * factor;
    if (gain) value *= load_part(gain, count);
    if (bias) value += load_part(bias, count);
    return value;
}

static void layer_norm(
    const float *x, const float *gain, const float *bias, float epsilon, const monge_transport *transport, size_t channels,
    size_t first, size_t end, float *output) {
    for (size_t row = first; row < end; row++) {
        const float *values = x + row * channels;
        float *result = output + row * channels;
        float mean = row_sum(values, channels) / (float)channels;
        float variance = centred_squares(values, mean, channels) / (float)channels;
        vfloat factor = splat(1 / __builtin_sqrtf(variance + epsilon)), shift = splat(mean);
        size_t i = 0;
        for (; i + LANES <= channels; i += LANES) {
            vfloat value = (load(values + i) - shift) * factor;
            if (gain) value *= load(gain + i);
            if (bias) value += load(bias + i);
            store(result + i, value);
        }
        if (i < channels) {
            size_t count = channels - i;
            store_part(
                result + i, layer_norm_part(values + i, gain ? gain + i : NULL, bias ? bias + i : NULL, shift, factor, count), count);
        }
        float strength = 0;
        const float *map = transport_map(transport, row, &strength);
        // The row is in the nearest cache.
        if (map) transport_channels(result, map, strength, channels, result);
    }
}

enum {
    // Rows that are centred about a mean of their own, which is then folded into that of all (Chan, Golub & LeVeque 1979).
    MOMENT_ROWS = 16,
};

static void channel_moments(const float *x, size_t rows, size_t channels, float *means, float *squares) {
    for (size_t row = 0; row < rows; row += MOMENT_ROWS) {
        size_t count = rows - row < MOMENT_ROWS ? rows - row : MOMENT_ROWS;
        const float *block = x + row * channels;
        vfloat inverse = splat(1 / (float)count);
        // What the block adds to the mean, and to the squares by the distance of the means.
        float share = (float)count / (float)(row + count), weight = (float)row * share;
        for (size_t c = 0; c < channels; c += LANES) {
            size_t width = channels - c < LANES ? channels - c : LANES;
            bool whole = width == LANES;
            vfloat values[MOMENT_ROWS], sum = {0}, spread = {0};
            for (size_t r = 0; r < count; r++) {
                const float *p = block + r * channels + c;
                values[r] = whole ? load(p) : load_part(p, width);
                sum += values[r];
            }
            vfloat mean = sum * inverse;
            for (size_t r = 0; r < count; r++) {
                vfloat centred = values[r] - mean;
                spread = fused(centred, centred, spread);
            }
            if (row > 0) {
                vfloat before = whole ? load(means + c) : load_part(means + c, width);
                vfloat difference = mean - before;
                mean = fused(difference, splat(share), before);
                spread += difference * difference * weight + (whole ? load(squares + c) : load_part(squares + c, width));
            }
            store_part(means + c, mean, width);
            store_part(squares + c, spread, width);
        }
    }
}

static void group_norm(const monge_group_norm *norm, size_t first, size_t end, float *scratch) {
    size_t channels = norm->channels;
    for (size_t row = first; row < end; row++) {
        const float *x = norm->x + row * channels;
        // The output may lie over the residual, which is read last.
        float *output = norm->output + row * channels;
        float *y = norm->residual ? scratch : output;
        size_t image = row / norm->pixels * channels;
        const float *mean = norm->mean + image, *scale = norm->scale + image;
        const float *offset = norm->offset + image, *shift = norm->shift + image;
        size_t i = 0;
        for (; i + LANES <= channels; i += LANES) {
            vfloat value = fused(load(x + i) - load(mean + i), load(scale + i), load(offset + i));
            store(y + i, shifted(value, load(shift + i)));
        }
        if (i < channels) {
            size_t count = channels - i;
            vfloat centred = load_part(x + i, count) - load_part(mean + i, count);
            vfloat value = fused(centred, load_part(scale + i, count), load_part(offset + i, count));
            store_part(y + i, shifted(value, load_part(shift + i, count)), count);
        }
        // The row is in the nearest cache.
        float strength = 0;
        const float *map = transport_map(&norm->transport, row, &strength);
        if (map && norm->maps_first) transport_channels(y, map, strength, channels, y);
        activate(norm->activation, y, channels);
        if (map && !norm->maps_first) transport_channels(y, map, strength, channels, y);
        if (!norm->residual) continue;
        const float *residual = norm->residual + row * channels;
        for (i = 0; i + LANES <= channels; i += LANES) store(output + i, load(y + i) + load(residual + i));
        for (; i < channels; i++) output[i] = y[i] + residual[i];
    }
}
