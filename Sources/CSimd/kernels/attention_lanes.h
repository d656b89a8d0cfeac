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
// The scores of a block, and its keys and values where they are widened, or gathered from several blocks of the cache.
static size_t attention_scratch(const monge_attention *attention) {
    bool copies = attention->half_keys || attention->block_size % MONGE_KEY_BLOCK != 0;
    return MONGE_KEY_BLOCK * (PANEL_LANES + (copies ? 2 * attention->channels : 0));
}

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

// Scores of keys that a lane does not see become −∞. Those of a key lie `key_stride` apart, and those of a lane `lane_stride`.
INLINE void mask_scores(
    const monge_attention *attention, size_t first_lane, size_t lanes, size_t first, size_t end, size_t key_stride,
    size_t lane_stride, float *scores) {
    for (size_t lane = 0; lane < lanes; lane++) {
        size_t seen_first, seen_end;
        visible_keys(attention, first_lane + lane, &seen_first, &seen_end);
        float *row = scores + lane * lane_stride;
        for (size_t key = first; key < seen_first && key < end; key++) row[(key - first) * key_stride] = -__builtin_inff();
        for (size_t key = seen_end > first ? seen_end : first; key < end; key++) row[(key - first) * key_stride] = -__builtin_inff();
    }
}

// The rows of a block where they lie, or their copies of f32.
typedef struct {
    const void *keys;
    const void *values;
    size_t stride;
} key_rows;

// `count` numbers; the vectors' widths are those of the instruction set.
static void widen_halves(const uint16_t *halves, size_t count, float *values) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vhalf bits;
        memcpy(&bits, halves + i, sizeof bits);
        store(values + i, half_values(bits));
    }
    for (; i < count; i++) values[i] = half_value(halves[i]);
}

// The row of a key among all keys of its head.
INLINE size_t key_row(const monge_attention *attention, size_t key) {
    if (attention->block_size == 0) return key;
    return (size_t)attention->blocks[key / attention->block_size] * attention->block_size + key % attention->block_size;
}

// Whether keys first ..< end lie one after the other: in one block, or in blocks that happen to be neighbours in order.
static bool lie_together(const monge_attention *attention, size_t first, size_t end) {
    if (attention->block_size == 0) return true;
    size_t block = first / attention->block_size, last = (end - 1) / attention->block_size;
    for (; block < last; block++) {
        if (attention->blocks[block] + 1 != attention->blocks[block + 1]) return false;
    }
    return true;
}

// How many rows ahead keys and values are asked for.
enum { ROWS_AHEAD = 12 };

// Keys and values from a key on, those of one block or of blocks that lie together.
INLINE key_rows rows_in_place(const monge_attention *attention, size_t first) {
    size_t start = key_row(attention, first) * attention->key_stride;
    return (key_rows){
        element(attention->keys, start, attention->half_keys), element(attention->values, start, attention->half_keys),
        attention->key_stride};
}

// Keys first ..< end, at least one, and their values, as f32. Widening them once for all lanes of a panel costs one operation in some
// twenty of what is computed from them.
static key_rows block_rows(const monge_attention *attention, size_t first, size_t end, float *scores) {
    size_t channels = attention->channels, stride = attention->key_stride;
    if (!attention->half_keys && lie_together(attention, first, end)) return rows_in_place(attention, first);
    float *keys = scores + MONGE_KEY_BLOCK * PANEL_LANES, *values = keys + MONGE_KEY_BLOCK * channels;
    size_t bytes = attention->half_keys ? sizeof(uint16_t) : sizeof(float);
    for (size_t key = first; key < end; key++) {
        size_t start = key_row(attention, key) * stride, place = (key - first) * channels;
        size_t later = key_row(attention, key + ROWS_AHEAD < end ? key + ROWS_AHEAD : end - 1) * stride * bytes;
        prefetch_bytes((const uint8_t *)attention->keys + later, channels * bytes);
        prefetch_bytes((const uint8_t *)attention->values + later, channels * bytes);
        if (attention->half_keys) {
            widen_halves((const uint16_t *)attention->keys + start, channels, keys + place);
            widen_halves((const uint16_t *)attention->values + start, channels, values + place);
        } else {
            memcpy(keys + place, (const float *)attention->keys + start, channels * sizeof(float));
            memcpy(values + place, (const float *)attention->values + start, channels * sizeof(float));
        }
    }
    return (key_rows){keys, values, channels};
}

INLINE const float *bias_row(const monge_attention *attention, size_t lane) {
    size_t query = lane / attention->group, head = lane % attention->group;
    return attention->bias + query * attention->bias_query_stride + head * attention->bias_head_stride;
}

// Adds the bias of keys first ..< end to the scores of `lanes` lanes, which lie side by side in `vectors` vectors.
static void add_bias(
    const monge_attention *attention, size_t first_lane, size_t lanes, size_t vectors, size_t first, size_t end, float *scores) {
    if (!attention->bias) return;
    size_t stride = vectors * LANES;
    for (size_t v = 0; v * LANES < lanes; v++) {
        size_t used = lanes - v * LANES < LANES ? lanes - v * LANES : LANES;
        for (size_t key = first; key < end; key += LANES) {
            size_t width = end - key < LANES ? end - key : LANES;
            vfloat square[LANES] = {0};
            for (size_t l = 0; l < used; l++) square[l] = load_part(bias_row(attention, first_lane + v * LANES + l) + key, width);
            transpose(square);
            float *place = scores + (key - first) * stride + v * LANES;
            for (size_t i = 0; i < width; i++) store(place + i * stride, load(place + i * stride) + square[i]);
        }
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

