// Attention with the online softmax (Milakov & Gimelshein 2018). Queries stand in the lanes: scores are a matrix product of keys
// and a panel of queries, the softmax runs down the lanes, and the weighted sum of the values is another product; nothing is
// summed across lanes.
//
// A panel's state is [channels + 2][lanes]: the weighted sums of the values, the largest score, and the sum of the weights. The
// state of no key, with the most negative number for the largest score, changes no bit of another that it is folded into.

static void many_queries_block(
    const monge_attention *attention, size_t panel, size_t first, size_t end, const float *packed, float *state, float *scores) {
    size_t vectors = panel_vectors(attention, panel), stride = vectors * LANES, channels = attention->channels;
    size_t count = end - first;
    key_rows block = block_rows(attention, first, end, scores);
    const float *keys = block.keys, *values = block.values;
    size_t key_stride = block.stride;
    // Keys and values come from memory, or from a far cache, and the processor's own prefetching loses its way among their rows.
    for (size_t key = 0; key < count; key += TILE_ROWS) {
        size_t rows = count - key < TILE_ROWS ? count - key : TILE_ROWS;
        for (size_t r = 0; r < rows; r++) {
            prefetch_row(keys + (key + r + 2 * TILE_ROWS) * key_stride, channels);
            prefetch_row(values + (key + r) * key_stride, channels);
        }
        tile_rows(rows, vectors, keys + key * key_stride, key_stride, 1, packed, channels, false, scores + key * stride);
    }
    cap_scores(attention, count * stride, scores);
    add_bias(attention, panel * PANEL_LANES, panel_lanes(attention, panel), vectors, first, end, scores);
    mask_scores(attention, panel * PANEL_LANES, panel_lanes(attention, panel), first, end, stride, 1, scores);
    for (size_t v = 0; v < vectors; v++) {
        float *column = scores + v * LANES;
        vfloat largest = splat(-__FLT_MAX__), total = {0};
        for (size_t key = 0; key < count; key++) largest = larger(load(column + key * stride), largest);
        for (size_t key = 0; key < count; key++) {
            vfloat weight = exponential(load(column + key * stride) - largest);
            total += weight;
            store(column + key * stride, weight);
        }
        store(state + channels * stride + v * LANES, largest);
        store(state + (channels + 1) * stride + v * LANES, total);
    }
    tile_rows(channels, vectors, values, 1, key_stride, scores, count, false, state);
}

static void attention_block(
    const monge_attention *attention, size_t panel, size_t block, const float *packed, float *state, float *scores) {
    size_t first, end;
    block_keys(attention, panel, block, &first, &end);
    if (first >= end)
        attention_clear(attention, panel, state);
    else if (lanes_of(attention) <= FEW_LANES)
        few_queries_block(attention, first, end, packed, state, scores);
    else
        many_queries_block(attention, panel, first, end, packed, state, scores);
}

static void attention_merge(const monge_attention *attention, size_t panel, float *state, const float *next) {
    size_t vectors = panel_vectors(attention, panel), stride = vectors * LANES, channels = attention->channels;
    for (size_t v = 0; v < vectors; v++) {
        float *a = state + v * LANES;
        const float *b = next + v * LANES;
        vfloat largest_a = load(a + channels * stride), largest_b = load(b + channels * stride);
        vfloat largest = larger(largest_a, largest_b);
        vfloat factor_a = exponential(largest_a - largest), factor_b = exponential(largest_b - largest);
        store(a + channels * stride, largest);
        for (size_t c = 0; c < channels + 2; c++) {
            if (c == channels) continue;
            store(a + c * stride, fused(load(b + c * stride), factor_b, load(a + c * stride) * factor_a));
        }
    }
}

static void attention_finish(const monge_attention *attention, size_t panel, const float *state) {
    size_t vectors = panel_vectors(attention, panel), stride = vectors * LANES, channels = attention->channels;
    size_t lanes = panel_lanes(attention, panel);
    for (size_t v = 0; v < vectors; v++) {
        vfloat total = load(state + (channels + 1) * stride + v * LANES);
        // A query that sees no key gives zeros.
        vfloat divisor = choose(total == 0, splat(1), total);
        for (size_t c = 0; c < channels; c += LANES) {
            size_t width = channels - c < LANES ? channels - c : LANES;
            vfloat square[LANES] = {0};
            for (size_t i = 0; i < width; i++) square[i] = load(state + (c + i) * stride + v * LANES) / divisor;
            transpose(square);
            for (size_t l = 0; l < LANES && v * LANES + l < lanes; l++) {
                size_t lane = panel * PANEL_LANES + v * LANES + l;
                float *place = attention->output + lane_offset(query_layout(attention), lane, channels) + c;
                if (width == LANES)
                    store(place, square[l]);
                else
                    store_part(place, square[l], width);
            }
        }
    }
}
