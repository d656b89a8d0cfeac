// What follows from the moments of channels, maps, an activation and a residual, in one pass over the rows: values stay in registers from
// the one load to the one store.

// A shift of 0 leaves x the same bit for bit: −0 + 0 would be 0.
INLINE vwide shifted(vwide x, vwide shift) { return choose(shift == 0, x, x + shift); }

// For one activation and one type of elements: constants, of which each pair is a function of its own.
INLINE void channelwise_rows(const monge_channelwise *work, monge_activation activation, bool half, size_t first, size_t end) {
    size_t channels = work->channels;
    for (size_t row = first; row < end; row++) {
        const void *x = element(work->x, row * channels, half);
        const void *residual = work->residual ? element(work->residual, row * channels, half) : NULL;
        void *output = element_place(work->output, row * channels, half);
        float strength = 0;
        const float *map = transport_map(&work->transport, row, &strength);
        size_t image = row / work->pixels * channels;
        const float *mean = work->mean ? work->mean + image : NULL, *shift = work->shift ? work->shift + image : NULL;
        if (!mean && !shift && !map && !residual && activation == MONGE_IDENTITY) {
            if (x != output) memcpy(output, x, channels * element_bytes(half));
            continue;
        }
        for (size_t i = 0; i < channels; i += WIDE_LANES) {
            size_t rest = channels - i;
            vwide value = load_run(element(x, i, half), rest, half);
            if (mean)
                value = fused(
                    value - load_run(mean + i, rest, false), load_run(work->scale + image + i, rest, false),
                    load_run(work->offset + image + i, rest, false));
            if (shift) value = shifted(value, load_run(shift + i, rest, false));
            if (map && work->maps_first) value = transported_run(value, map + 4 * i, splat(strength), rest);
            value = activated(activation, value);
            if (map && !work->maps_first) value = transported_run(value, map + 4 * i, splat(strength), rest);
            // The output may lie over the residual, which is read before it.
            if (residual) value += load_run(element(residual, i, half), rest, half);
            store_run(element_place(output, i, half), value, rest, half);
        }
    }
}

#define DEFINE_CHANNELWISE(NAME, WHICH)                                                                \
    static void channelwise_##NAME##_singles(const monge_channelwise *work, size_t first, size_t end) { \
        channelwise_rows(work, WHICH, false, first, end);                                              \
    }                                                                                                  \
    static void channelwise_##NAME##_halves(const monge_channelwise *work, size_t first, size_t end) {  \
        channelwise_rows(work, WHICH, true, first, end);                                               \
    }
FOR_EACH_ACTIVATION(DEFINE_CHANNELWISE)

#define CASE_CHANNELWISE(NAME, WHICH) \
    case WHICH: (work->half ? channelwise_##NAME##_halves : channelwise_##NAME##_singles)(work, first, end); break;

static void channelwise(const monge_channelwise *work, size_t first, size_t end) {
    switch (work->activation) { FOR_EACH_ACTIVATION(CASE_CHANNELWISE) }
}
