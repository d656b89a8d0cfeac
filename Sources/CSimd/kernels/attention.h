// Attention with the online softmax (Milakov & Gimelshein 2018). Queries stand in the lanes: scores are a matrix product of keys
// and a panel of queries, the softmax runs down the lanes, and the weighted sum of the values is another product; nothing is
// summed across lanes.
//
// A panel's state is [channels + 2][lanes]: the weighted sums of the values, the largest score, and the sum of the weights. The
// state of no key, with the most negative number for the largest score, changes no bit of another that it is folded into.

INLINE size_t lanes_of(const monge_attention *attention) { return attention->query_count * attention->group; }
INLINE size_t panel_lanes(const monge_attention *attention, size_t panel) {
    size_t rest = lanes_of(attention) - panel * PANEL_LANES;
    return rest < PANEL_LANES ? rest : PANEL_LANES;
}
INLINE size_t panel_vectors(const monge_attention *attention, size_t panel) { return row_vectors(panel_lanes(attention, panel)); }
INLINE lane_layout query_layout(const monge_attention *attention) {
    return (lane_layout){.group = attention->group, .stride = attention->query_stride};
}

static size_t attention_panels(const monge_attention *attention) { return (lanes_of(attention) + PANEL_LANES - 1) / PANEL_LANES; }
static size_t attention_packed(const monge_attention *attention) { return attention->channels * PANEL_LANES; }
static size_t attention_state(const monge_attention *attention) { return (attention->channels + 2) * PANEL_LANES; }
static size_t attention_scratch(void) { return MONGE_KEY_BLOCK * PANEL_LANES; }

// The keys that a lane sees.
INLINE void visible_keys(const monge_attention *attention, size_t lane, size_t *first, size_t *end) {
    *first = 0;
    *end = attention->key_count;
    if (!attention->causal) return;
    // The position plus one, which is negative for the first queries when there are fewer keys than queries.
    ptrdiff_t seen = (ptrdiff_t)(attention->key_count + lane / attention->group + 1) - (ptrdiff_t)attention->query_count;
    *end = seen > 0 ? (size_t)seen : 0;
    if (attention->window > 0 && *end > attention->window) *first = *end - attention->window;
}

// The keys that some lane of a panel sees: positions, and so the ends of what is seen, rise with the lanes.
INLINE void panel_keys(const monge_attention *attention, size_t panel, size_t *first, size_t *end) {
    size_t unused;
    visible_keys(attention, panel * PANEL_LANES, first, &unused);
    visible_keys(attention, panel * PANEL_LANES + panel_lanes(attention, panel) - 1, &unused, end);
}

static void attention_blocks(const monge_attention *attention, size_t panel, size_t *first, size_t *end) {
    panel_keys(attention, panel, first, end);
    *first /= MONGE_KEY_BLOCK;
    *end = (*end + MONGE_KEY_BLOCK - 1) / MONGE_KEY_BLOCK;
}

static void attention_pack(const monge_attention *attention, size_t panel, float *packed) {
    pack_lanes(
        attention->queries, query_layout(attention), panel * PANEL_LANES, panel_lanes(attention, panel),
        panel_vectors(attention, panel), attention->channels, attention->scale, packed);
}

static void attention_clear(const monge_attention *attention, size_t panel, float *state) {
    size_t stride = panel_vectors(attention, panel) * LANES, sums = attention->channels * stride;
    memset(state, 0, (sums + 2 * stride) * sizeof(float));
    for (size_t i = 0; i < stride; i++) state[sums + i] = -__FLT_MAX__;
}

// Scores of keys that a lane does not see become −∞.
INLINE void mask_scores(const monge_attention *attention, size_t panel, size_t first, size_t end, float *scores) {
    size_t lanes = panel_lanes(attention, panel), stride = panel_vectors(attention, panel) * LANES;
    for (size_t lane = 0; lane < lanes; lane++) {
        size_t seen_first, seen_end;
        visible_keys(attention, panel * PANEL_LANES + lane, &seen_first, &seen_end);
        for (size_t key = first; key < seen_first && key < end; key++) scores[(key - first) * stride + lane] = -__builtin_inff();
        for (size_t key = seen_end > first ? seen_end : first; key < end; key++)
            scores[(key - first) * stride + lane] = -__builtin_inff();
    }
}

static void attention_block(
    const monge_attention *attention, size_t panel, size_t block, const float *packed, float *state, float *scores) {
    size_t vectors = panel_vectors(attention, panel), stride = vectors * LANES, channels = attention->channels;
    size_t first, end;
    panel_keys(attention, panel, &first, &end);
    if (first < block * MONGE_KEY_BLOCK) first = block * MONGE_KEY_BLOCK;
    if (end > (block + 1) * MONGE_KEY_BLOCK) end = (block + 1) * MONGE_KEY_BLOCK;
    if (first >= end) {
        attention_clear(attention, panel, state);
        return;
    }
    size_t count = end - first, key_stride = attention->key_stride;
    tile_rows(count, vectors, attention->keys + first * key_stride, key_stride, 1, packed, channels, false, scores);
    if (attention->soft_cap > 0) {
        vfloat cap = splat(attention->soft_cap);
        for (size_t i = 0; i < count * stride; i += LANES)
            store(scores + i, cap * hyperbolic_tangent(load(scores + i) / cap));
    }
    mask_scores(attention, panel, first, end, scores);
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
    tile_rows(channels, vectors, attention->values + first * key_stride, 1, key_stride, scores, count, false, state);
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
