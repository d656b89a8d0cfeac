// What follows from the moments of channels, maps, an activation and a residual, in one pass over the rows: values stay in registers from
// the one load to the one store.

// A shift of 0 leaves x the same bit for bit: −0 + 0 would be 0.
INLINE vwide shifted(vwide x, vwide shift) { return choose(shift == 0, x, x + shift); }

// For one activation and, of those that are constants, the types of the elements: each such pair is a function of its own. Types that
// differ from one another are told apart as they come, by branches that go the same way every time.
INLINE void channelwise_rows(
    const monge_channelwise *work, monge_activation activation, bool half_x, bool half_residual, bool half_output, size_t first,
    size_t end) {
    size_t channels = work->channels;
    for (size_t row = first; row < end; row++) {
        const void *x = element(work->x, row * channels, half_x);
        const void *residual = work->residual ? element(work->residual, row * channels, half_residual) : NULL;
        void *output = element_place(work->output, row * channels, half_output);
        float strength = 0;
        const float *map = transport_map(&work->transport, row, &strength);
        size_t image = row / work->pixels * channels;
        const float *mean = work->mean ? work->mean + image : NULL, *shift = work->shift ? work->shift + image : NULL;
        if (half_x == half_output && !mean && !shift && !map && !residual && activation == MONGE_IDENTITY) {
            if (x != output) memcpy(output, x, channels * element_bytes(half_x));
            continue;
        }
        for (size_t i = 0; i < channels; i += WIDE_LANES) {
            size_t rest = channels - i;
            vwide value = load_run(element(x, i, half_x), rest, half_x);
            if (mean)
                value = fused(
                    value - load_run(mean + i, rest, false), load_run(work->scale + image + i, rest, false),
                    load_run(work->offset + image + i, rest, false));
            if (shift) value = shifted(value, load_run(shift + i, rest, false));
            if (map && work->maps_first) value = transported_run(value, map + 4 * i, splat(strength), rest);
            value = activated(activation, value);
            if (map && !work->maps_first) value = transported_run(value, map + 4 * i, splat(strength), rest);
            // The output may lie over the residual, which is read before it.
            if (residual) value += load_run(element(residual, i, half_residual), rest, half_residual);
            store_run(element_place(output, i, half_output), value, rest, half_output);
        }
    }
}

#define DEFINE_CHANNELWISE(NAME, WHICH)                                                                             \
    static void channelwise_##NAME##_singles(const monge_channelwise *work, size_t first, size_t end) {             \
        channelwise_rows(work, WHICH, false, false, false, first, end);                                             \
    }                                                                                                               \
    static void channelwise_##NAME##_halves(const monge_channelwise *work, size_t first, size_t end) {              \
        channelwise_rows(work, WHICH, true, true, true, first, end);                                                \
    }                                                                                                               \
    static void channelwise_##NAME##_mixed(const monge_channelwise *work, size_t first, size_t end) {               \
        channelwise_rows(work, WHICH, work->half_x, work->half_residual, work->half_output, first, end);            \
    }
FOR_EACH_ACTIVATION(DEFINE_CHANNELWISE)

#define CASE_CHANNELWISE(NAME, WHICH)                                  \
    case WHICH:                                                        \
        if (halves == 0)                                               \
            channelwise_##NAME##_singles(work, first, end);            \
        else if (halves == 3)                                          \
            channelwise_##NAME##_halves(work, first, end);             \
        else                                                           \
            channelwise_##NAME##_mixed(work, first, end);              \
        break;

static void channelwise(const monge_channelwise *work, size_t first, size_t end) {
    // What is not there is of the output's type.
    int halves = work->half_x + (work->residual ? work->half_residual : work->half_output) + work->half_output;
    switch (work->activation) { FOR_EACH_ACTIVATION(CASE_CHANNELWISE) }
}
