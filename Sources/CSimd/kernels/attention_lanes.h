// What attention is computed over: lanes, each a query and a head; panels of them; the keys each sees; and the scores.

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
INLINE void mask_scores(
    const monge_attention *attention, size_t first_lane, size_t lanes, size_t first, size_t end, size_t stride, float *scores) {
    for (size_t lane = 0; lane < lanes; lane++) {
        size_t seen_first, seen_end;
        visible_keys(attention, first_lane + lane, &seen_first, &seen_end);
        for (size_t key = first; key < seen_first && key < end; key++) scores[(key - first) * stride + lane] = -__builtin_inff();
        for (size_t key = seen_end > first ? seen_end : first; key < end; key++)
            scores[(key - first) * stride + lane] = -__builtin_inff();
    }
}

// A multiple of LANES scores through the soft cap.
INLINE void cap_scores(const monge_attention *attention, size_t count, float *scores) {
    if (attention->soft_cap <= 0) return;
    vfloat cap = splat(attention->soft_cap);
    for (size_t i = 0; i < count; i += LANES) store(scores + i, cap * hyperbolic_tangent(load(scores + i) / cap));
}

// The keys of a block that some lane of a panel sees.
INLINE void block_keys(const monge_attention *attention, size_t panel, size_t block, size_t *first, size_t *end) {
    panel_keys(attention, panel, first, end);
    if (*first < block * MONGE_KEY_BLOCK) *first = block * MONGE_KEY_BLOCK;
    if (*end > (block + 1) * MONGE_KEY_BLOCK) *end = (block + 1) * MONGE_KEY_BLOCK;
}

