// The end of a matrix product for `count` channels of one row, from channel `first`: the sums in `values` (overwritten) go
// through bias, activation, transport and residual to the output while they are in the nearest cache.
static void finish_row(const monge_epilogue *epilogue, size_t row, size_t first, size_t count, float *values) {
    if (epilogue->bias) {
        const float *bias = epilogue->bias + first;
        for (size_t i = 0; i < count; i++) values[i] += bias[i];
    }
    activate(epilogue->activation, values, count);
    float strength;
    const float *map = transport_map(&epilogue->transport, row, &strength);
    if (map) transport_channels(values, map + 4 * first, strength, count, values);
    size_t start = row * epilogue->channels + first;
    float *output = epilogue->output + start;
    if (!epilogue->residual) {
        memcpy(output, values, count * sizeof(float));
        return;
    }
    const float *residual = epilogue->residual + start;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(output + i, load(values + i) + load(residual + i));
    for (; i < count; i++) output[i] = values[i] + residual[i];
}
