// The matrix product of a convolution with many more pixels than channels. Channels stand in the lanes: the weights are packed into
// panels once a call, and the pixels' channels are read where they lie, one number beside a whole vector of weights. Nothing of x is
// copied, and the sums come out as rows of channels.

// A tile as those of tile.h whose rows are stretches of `length` numbers that lie anywhere:
//
//     sum[r][lane] = Σ_s Σ_k places[s·DIRECT_ROWS + r][k] · b[(s·length + k)·vectors·LANES + lane],
//
// for sums `output_stride` apart.
typedef void (*direct_tile)(
    const float *const *places, size_t stretches, size_t length, const float *b, bool accumulate, float *output, size_t output_stride);

enum {
    // The pixels whose places are looked up together: whole tiles of every height.
    DIRECT_ROWS = 24,
};

#define DEFINE_DIRECT_TILE(ROWS, VECTORS)                                                                                     \
    static void direct_tile_##ROWS##_##VECTORS(                                                                               \
        const float *const *places, size_t stretches, size_t length, const float *b, bool accumulate, float *output,          \
        size_t output_stride) {                                                                                               \
        vfloat sum[ROWS][VECTORS] = {0};                                                                                      \
        for (size_t s = 0; s < stretches; s++) {                                                                              \
            const float *row[ROWS];                                                                                           \
            for (int r = 0; r < ROWS; r++) row[r] = places[s * DIRECT_ROWS + (size_t)r];                                      \
            for (size_t k = 0; k < length; k++, b += VECTORS * LANES) {                                                       \
                vfloat lanes[VECTORS];                                                                                        \
                _Pragma("unroll") for (int v = 0; v < VECTORS; v++) lanes[v] = load(b + v * LANES);                           \
                _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                            \
                    vfloat factor = splat(row[r][k]);                                                                         \
                    _Pragma("unroll") for (int v = 0; v < VECTORS; v++) sum[r][v] = fused(factor, lanes[v], sum[r][v]);       \
                }                                                                                                             \
            }                                                                                                                 \
        }                                                                                                                     \
        _Pragma("unroll") for (int r = 0; r < ROWS; r++) _Pragma("unroll") for (int v = 0; v < VECTORS; v++) {                \
            float *place = output + (size_t)r * output_stride + v * LANES;                                                    \
            store(place, accumulate ? load(place) + sum[r][v] : sum[r][v]);                                                   \
        }                                                                                                                     \
    }

// Beside a single vector, eight rows: as many sums as are under way in the processor at once.
#define DEFINE_DIRECT_TILES(ROWS) DEFINE_DIRECT_TILE(ROWS, 1) DEFINE_DIRECT_TILE(ROWS, 2)
DEFINE_DIRECT_TILE(8, 1)
DEFINE_DIRECT_TILES(4)
DEFINE_DIRECT_TILES(2)
DEFINE_DIRECT_TILES(1)
#if LANES == 16 || defined(__aarch64__)
DEFINE_DIRECT_TILE(8, 2)
DEFINE_DIRECT_TILE(8, 3)
DEFINE_DIRECT_TILE(4, 3)
DEFINE_DIRECT_TILE(2, 3)
DEFINE_DIRECT_TILE(1, 3)
#elif HAS_FMA
DEFINE_DIRECT_TILE(6, 2)
#endif

// At most DIRECT_ROWS rows of tiles below one another.
static void direct_rows(
    size_t rows, size_t vectors, const float *const *places, size_t stretches, size_t length, const float *b, bool accumulate,
    float *output, size_t output_stride) {
    static const struct {
        size_t height;
        direct_tile tile;
    } tiles[PANEL_VECTORS][4] = {
        {{8, direct_tile_8_1}, {4, direct_tile_4_1}, {2, direct_tile_2_1}, {1, direct_tile_1_1}},
#if LANES == 16 || defined(__aarch64__)
        {{8, direct_tile_8_2}, {4, direct_tile_4_2}, {2, direct_tile_2_2}, {1, direct_tile_1_2}},
        {{8, direct_tile_8_3}, {4, direct_tile_4_3}, {2, direct_tile_2_3}, {1, direct_tile_1_3}},
#elif HAS_FMA
        {{6, direct_tile_6_2}, {4, direct_tile_4_2}, {2, direct_tile_2_2}, {1, direct_tile_1_2}},
#else
        {{4, direct_tile_4_2}, {2, direct_tile_2_2}, {1, direct_tile_1_2}},
#endif
    };
    size_t size = 0, r = 0;
    while (r < rows) {
        size_t height = tiles[vectors - 1][size].height;
        if (height > rows - r) {
            size++;
            continue;
        }
        tiles[vectors - 1][size].tile(places + r, stretches, length, b, accumulate, output + r * output_stride, output_stride);
        r += height;
    }
}

static size_t packed_weights(size_t channels, size_t inputs) { return gemm_packed_elements(channels, inputs); }

// A panel of the weights of channels first ..< end. Lanes beyond the last channel are zero.
static void pack_weights(const monge_linear *linear, size_t first, size_t end, size_t panel, float *packed) {
    size_t vectors = row_vectors(end - first), start = panel_start(panel, vectors), count = panel_start(panel + 1, vectors) - start;
    float decoded[LANES][DECODED];
    for (size_t v = 0; v < count; v++) {
        size_t channel = first + (start + v) * LANES, used = end - channel < LANES ? end - channel : LANES, first_byte = 0;
        float *place = packed + (start * linear->inputs + v) * LANES;
        for (size_t l = used; l < LANES; l++) memset(decoded[l], 0, sizeof decoded[l]);
        for (size_t k = 0; k < linear->inputs; k += DECODED) {
            size_t width = linear->inputs - k < DECODED ? linear->inputs - k : DECODED;
            for (size_t l = 0; l < used; l++)
                decode(linear->type, linear->weight + (channel + l) * linear->weight_row_bytes + first_byte, width, decoded[l]);
            for (size_t i = 0; i < width; i += LANES) {
                vfloat square[LANES];
                for (size_t l = 0; l < LANES; l++) square[l] = load(decoded[l] + i);
                transpose(square);
                for (size_t j = 0; j < LANES && i + j < width; j++, place += count * LANES) store(place, square[j]);
            }
            first_byte += decoded_bytes(linear->type);
        }
    }
}

// Rows of sums are whole vectors of channels.
INLINE size_t direct_stride(size_t channels) { return row_vectors(channels) * LANES; }

// What the taps of a row of the kernel meet lies side by side where pixels have no other channels and taps meet neighbours: one stretch.
// At the image's edges it is collected, zeros between.
INLINE bool direct_joins_taps(const monge_patches *patches) {
    if (patches->inputs != patches->channels || patches->regular_first >= patches->regular_end) return false;
    const int32_t *columns = patches->columns + patches->regular_first * patches->horizontal_taps;
    for (size_t t = 1; t < patches->horizontal_taps; t++)
        if (columns[t] != columns[t - 1] + 1) return false;
    return true;
}

// Few sums, or short ones: each is done at a stretch, beside weights that stay in the caches.
INLINE bool direct_is_whole(const monge_patches *patches, size_t channels) {
    size_t elements = patches->vertical_taps * patches->horizontal_taps * patches->inputs;
    return patches->inputs < 32 || elements * channels <= 1 << 16;
}

INLINE size_t round_up(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

static size_t direct_scratch(const monge_patches *patches, size_t pixels, size_t channels) {
    size_t taps = patches->vertical_taps * patches->horizontal_taps, zeros = round_up(patches->inputs, 16);
    if (!direct_is_whole(patches, channels)) return pixels * direct_stride(channels) + zeros;
    size_t collected = direct_joins_taps(patches) ? round_up(DIRECT_ROWS * taps * patches->inputs, 16) : 0;
    size_t places = taps * DIRECT_ROWS * sizeof(float *) / sizeof(float);
    return DIRECT_ROWS * direct_stride(channels) + zeros + collected + places;
}

// The place of every stretch of K for `pixels` pixels, at most DIRECT_ROWS.
static void direct_places(
    const monge_patches *patches, size_t group, size_t first_pixel, size_t pixels, bool joined, const float *zeros, float *collected,
    const float **places) {
    size_t taps = patches->horizontal_taps, joined_elements = taps * patches->inputs;
    for (size_t p = 0; p < pixels; p++) {
        patch place = patch_of(patches, group, first_pixel + p);
        size_t column = (first_pixel + p) % patches->output_width;
        bool regular = column >= patches->regular_first && column < patches->regular_end;
        for (size_t vertical = 0; vertical < patches->vertical_taps; vertical++) {
            if (joined) {
                const float **stretch = &places[vertical * DIRECT_ROWS + p];
                *stretch = regular ? patch_channels(patches, &place, vertical, 0) : NULL;
                if (!*stretch) {
                    collect_patch(patches, &place, vertical * joined_elements, joined_elements, collected);
                    *stretch = collected;
                    collected += joined_elements;
                }
                continue;
            }
            for (size_t horizontal = 0; horizontal < taps; horizontal++) {
                const float *channels = patch_channels(patches, &place, vertical, horizontal);
                places[(vertical * taps + horizontal) * DIRECT_ROWS + p] = channels ? channels : zeros;
            }
        }
    }
}

INLINE void direct_finish(
    const monge_linear *linear, size_t pixel, size_t pixels, size_t first, size_t channels, float *sums, size_t stride) {
    for (size_t p = pixel; p < pixel + pixels; p++, sums += stride)
        finish_row(&linear->epilogue, result_row(linear, p), first, channels, sums);
}

static void direct_whole(
    const monge_linear *linear, const monge_patches *patches, size_t group, const float *packed, size_t first, size_t end,
    size_t first_pixel, size_t end_pixel, float *scratch) {
    size_t channels = end - first, stride = direct_stride(channels), vectors = row_vectors(channels), panels = gemm_panels(channels);
    bool joined = direct_joins_taps(patches);
    size_t length = joined ? patches->horizontal_taps * patches->inputs : patches->inputs;
    size_t stretches = linear->inputs / length;
    float *sums = scratch, *zeros = sums + DIRECT_ROWS * stride, *collected = zeros + round_up(patches->inputs, 16);
    const float **places = (const float **)(collected + (joined ? round_up(DIRECT_ROWS * linear->inputs, 16) : 0));
    memset(zeros, 0, patches->inputs * sizeof(float));
    for (size_t pixel = first_pixel; pixel < end_pixel; pixel += DIRECT_ROWS) {
        size_t pixels = end_pixel - pixel < DIRECT_ROWS ? end_pixel - pixel : DIRECT_ROWS;
        direct_places(patches, group, pixel, pixels, joined, zeros, collected, places);
        for (size_t panel = 0; panel < panels; panel++) {
            size_t start = panel_start(panel, vectors), count = panel_start(panel + 1, vectors) - start;
            direct_rows(
                pixels, count, places, stretches, length, packed + start * linear->inputs * LANES, false, sums + start * LANES, stride);
        }
        direct_finish(linear, pixel, pixels, first, channels, sums, stride);
    }
}

// The sums over channels first ..< first + depth of one tap, `k` of all, for all pixels.
static void direct_block(
    size_t pixels, const float *const *places, size_t inputs, size_t k, size_t depth, const float *packed, size_t channels, float *sums) {
    size_t vectors = row_vectors(channels), panels = gemm_panels(channels), stride = direct_stride(channels);
    for (size_t panel = 0; panel < panels; panel++) {
        size_t start = panel_start(panel, vectors), count = panel_start(panel + 1, vectors) - start;
        // The next panel comes from the third-level cache: a part of it is asked for with every few rows.
        size_t next_start = start + count, next_count = panel + 1 < panels ? panel_start(panel + 2, vectors) - next_start : 0;
        const float *next = packed + (next_start * inputs + k * next_count) * LANES;
        size_t elements = depth * next_count * LANES;
        for (size_t p = 0; p < pixels; p += DIRECT_ROWS) {
            size_t few = pixels - p < DIRECT_ROWS ? pixels - p : DIRECT_ROWS;
            size_t line = elements * p / pixels / 16, last = elements * (p + few) / pixels / 16;
            for (; line < last; line++) __builtin_prefetch(next + 16 * line);
            direct_rows(
                few, count, places + p, 1, depth, packed + (start * inputs + k * count) * LANES, k > 0,
                sums + p * stride + start * LANES, stride);
        }
    }
}

static void direct(
    const monge_linear *linear, const monge_patches *patches, size_t group, const float *packed, size_t first, size_t end,
    size_t first_pixel, size_t end_pixel, float *scratch) {
    if (direct_is_whole(patches, end - first)) {
        direct_whole(linear, patches, group, packed, first, end, first_pixel, end_pixel, scratch);
        return;
    }
    size_t pixels = end_pixel - first_pixel, channels = end - first, inputs = linear->inputs, stride = direct_stride(channels), k = 0;
    float *sums = scratch, *zeros = scratch + pixels * stride;
    patch patches_of[MONGE_DIRECT_PIXELS];
    const float *places[MONGE_DIRECT_PIXELS];
    for (size_t p = 0; p < pixels; p++) patches_of[p] = patch_of(patches, group, first_pixel + p);
    memset(zeros, 0, patches->inputs * sizeof(float));
    for (size_t vertical = 0; vertical < patches->vertical_taps; vertical++)
        for (size_t horizontal = 0; horizontal < patches->horizontal_taps; horizontal++)
            for (size_t channel = 0; channel < patches->inputs; channel += DEPTH) {
                size_t depth = patches->inputs - channel < DEPTH ? patches->inputs - channel : DEPTH;
                for (size_t p = 0; p < pixels; p++) {
                    const float *tap = patch_channels(patches, &patches_of[p], vertical, horizontal);
                    places[p] = (tap ? tap : zeros) + channel;
                }
                direct_block(pixels, places, inputs, k, depth, packed, channels, sums);
                k += depth;
            }
    direct_finish(linear, first_pixel, pixels, first, channels, sums, stride);
}
