// A convolution where each channel has a kernel of its own: channels stand in the lanes, and no number meets another channel's. A strip
// of the image is copied, some channels at a time, to where its pixels lie side by side with zeros around: in the image, pixels are
// so far apart, often a power of two, that the nearest cache would hold few of them.

enum {
    // A cache line of channels, or a vector where that is more, times so many pixels side by side: as many sums as there are registers.
    DEPTHWISE_VECTORS = LANES >= 16 ? 1 : 2,
    DEPTHWISE_PIXELS = 6,
    DEPTHWISE_LANES = DEPTHWISE_VECTORS * LANES,
};

INLINE size_t depthwise_stride(size_t channels) { return round_up(channels, DEPTHWISE_LANES); }

static size_t depthwise_packed(size_t channels, size_t taps) { return taps * depthwise_stride(channels); }

// The kernels of channels first ..< end: DEPTHWISE_LANES channels at a time, tap by tap. What lies beyond the last channel is never used.
static void depthwise_weights(const monge_linear *linear, size_t first, size_t end, float *packed) {
    size_t taps = linear->inputs;
    float decoded[DECODED];
    for (size_t channel = first; channel < end; channel++) {
        const uint8_t *row = linear->weight + channel * linear->weight_row_bytes;
        float *place = packed + channel / DEPTHWISE_LANES * DEPTHWISE_LANES * taps + channel % DEPTHWISE_LANES;
        for (size_t t = 0; t < taps; t += DECODED) {
            size_t count = taps - t < DECODED ? taps - t : DECODED;
            decode(linear->type, row + t / DECODED * decoded_bytes(linear->type), count, decoded);
            for (size_t i = 0; i < count; i++) place[(t + i) * DEPTHWISE_LANES] = decoded[i];
        }
    }
}

// What a strip of the image holds.
typedef struct {
    // Input rows.
    size_t first_row;
    size_t end_row;
    // Input columns, numbered from the first of the image: the first may lie before it and the last behind it.
    ptrdiff_t first_column;
    size_t width;
    // Whether output column o and tap t meet column o·step + offset of tap t everywhere, beyond the image's edges too.
    bool steps;
    size_t step;
} depthwise_strip;

INLINE size_t depthwise_width(const monge_patches *patches) { return round_up(patches->output_width, DEPTHWISE_PIXELS); }

// Finds the step, if the columns have one.
static depthwise_strip depthwise_columns(const monge_patches *patches) {
    size_t taps = patches->horizontal_taps, first = patches->regular_first, width = patches->width;
    depthwise_strip strip = {.first_column = 0, .width = width, .steps = false};
    if (first >= patches->regular_end) return strip;
    const int32_t *regular = patches->columns + first * taps;
    // Of a single regular column any step could be; a convolution of one output column has none.
    ptrdiff_t step = first + 1 < patches->regular_end ? regular[taps] - regular[0] : 1, least = PTRDIFF_MAX, most = PTRDIFF_MIN;
    if (step < 1) return strip;
    for (size_t t = 0; t < taps; t++) {
        ptrdiff_t offset = regular[t] - (ptrdiff_t)first * step;
        for (size_t o = 0; o < patches->output_width; o++) {
            ptrdiff_t column = offset + (ptrdiff_t)o * step;
            if (patches->columns[o * taps + t] != (column >= 0 && column < (ptrdiff_t)width ? column : -1)) return strip;
        }
        if (offset < least) least = offset;
        if (offset > most) most = offset;
    }
    strip.steps = true;
    strip.step = (size_t)step;
    strip.first_column = least;
    strip.width = (size_t)(most - least) + (depthwise_width(patches) - 1) * (size_t)step + 1;
    return strip;
}

// Adds the input rows that output rows first ..< end of an image meet.
static void depthwise_rows(const monge_patches *patches, size_t first, size_t end, depthwise_strip *strip) {
    int32_t least = INT32_MAX, most = -1;
    for (size_t i = first * patches->vertical_taps; i < end * patches->vertical_taps; i++) {
        int32_t row = patches->rows[i];
        if (row >= 0 && row < least) least = row;
        if (row > most) most = row;
    }
    strip->first_row = most < 0 ? 0 : (size_t)least;
    strip->end_row = (size_t)(most + 1);
}

static size_t depthwise_scratch(const monge_patches *patches, size_t first_row, size_t end_row, size_t channels) {
    depthwise_strip strip = depthwise_columns(patches);
    depthwise_rows(patches, first_row, end_row, &strip);
    return (strip.end_row - strip.first_row) * strip.width * DEPTHWISE_LANES +
           (end_row - first_row) * depthwise_width(patches) * depthwise_stride(channels);
}

// Copies `channels` channels, at most DEPTHWISE_LANES, of the strip's pixels, with zeros outside the image.
static void depthwise_copy(
    const monge_patches *patches, const depthwise_strip *strip, const float *image, size_t channels, float *pixels) {
    for (size_t row = strip->first_row; row < strip->end_row; row++)
        for (size_t i = 0; i < strip->width; i++, pixels += DEPTHWISE_LANES) {
            ptrdiff_t column = strip->first_column + (ptrdiff_t)i;
            if (column < 0 || column >= (ptrdiff_t)patches->width) {
                memset(pixels, 0, DEPTHWISE_LANES * sizeof(float));
                continue;
            }
            const float *from = image + (row * patches->width + (size_t)column) * patches->channels;
            if (channels == DEPTHWISE_LANES)
                for (int v = 0; v < DEPTHWISE_VECTORS; v++) store(pixels + v * LANES, load(from + v * LANES));
            else
                for (size_t c = 0; c < channels; c++) pixels[c] = from[c];
        }
}

// The sums of DEPTHWISE_PIXELS pixels beside one another, from output column `column` on.
static void depthwise_run(
    const monge_patches *patches, const depthwise_strip *strip, const int32_t *rows, size_t column, const float *pixels,
    const float *packed, float *sums, size_t sum_stride) {
    vfloat sum[DEPTHWISE_PIXELS][DEPTHWISE_VECTORS] = {0};
    size_t step = strip->step * DEPTHWISE_LANES;
    const int32_t *regular = patches->columns + patches->regular_first * patches->horizontal_taps;
    ptrdiff_t moved = ((ptrdiff_t)column - (ptrdiff_t)patches->regular_first) * (ptrdiff_t)strip->step - strip->first_column;
    for (size_t vertical = 0; vertical < patches->vertical_taps; vertical++) {
        if (rows[vertical] < 0) continue;
        const float *row = pixels + ((size_t)rows[vertical] - strip->first_row) * strip->width * DEPTHWISE_LANES;
        const float *w = packed + vertical * patches->horizontal_taps * DEPTHWISE_LANES;
        for (size_t horizontal = 0; horizontal < patches->horizontal_taps; horizontal++, w += DEPTHWISE_LANES) {
            const float *x = row + (regular[horizontal] + moved) * DEPTHWISE_LANES;
            vfloat weight[DEPTHWISE_VECTORS];
            _Pragma("unroll") for (int v = 0; v < DEPTHWISE_VECTORS; v++) weight[v] = load(w + v * LANES);
            _Pragma("unroll") for (int p = 0; p < DEPTHWISE_PIXELS; p++)
                _Pragma("unroll") for (int v = 0; v < DEPTHWISE_VECTORS; v++)
                    sum[p][v] = fused(weight[v], load(x + (size_t)p * step + v * LANES), sum[p][v]);
        }
    }
    _Pragma("unroll") for (int p = 0; p < DEPTHWISE_PIXELS; p++)
        _Pragma("unroll") for (int v = 0; v < DEPTHWISE_VECTORS; v++) store(sums + (size_t)p * sum_stride + v * LANES, sum[p][v]);
}

// The sums of one pixel, whichever taps it has.
static void depthwise_pixel(
    const monge_patches *patches, const depthwise_strip *strip, const int32_t *rows, const int32_t *columns, const float *pixels,
    const float *packed, float *sums) {
    vfloat sum[DEPTHWISE_VECTORS] = {0};
    for (size_t vertical = 0; vertical < patches->vertical_taps; vertical++)
        for (size_t horizontal = 0; horizontal < patches->horizontal_taps; horizontal++) {
            if (rows[vertical] < 0 || columns[horizontal] < 0) continue;
            size_t place = ((size_t)rows[vertical] - strip->first_row) * strip->width + (size_t)columns[horizontal];
            const float *w = packed + (vertical * patches->horizontal_taps + horizontal) * DEPTHWISE_LANES;
            for (int v = 0; v < DEPTHWISE_VECTORS; v++)
                sum[v] = fused(load(w + v * LANES), load(pixels + place * DEPTHWISE_LANES + v * LANES), sum[v]);
        }
    for (int v = 0; v < DEPTHWISE_VECTORS; v++) store(sums + v * LANES, sum[v]);
}

static void depthwise(
    const monge_linear *linear, const monge_patches *patches, const float *packed, size_t image, size_t first_row, size_t end_row,
    size_t first, size_t end, float *scratch) {
    size_t width = patches->output_width, taps = patches->horizontal_taps, all = patches->channels;
    size_t sum_stride = depthwise_stride(end - first), sum_width = depthwise_width(patches);
    depthwise_strip strip = depthwise_columns(patches);
    depthwise_rows(patches, first_row, end_row, &strip);
    float *pixels = scratch, *sums = pixels + (strip.end_row - strip.first_row) * strip.width * DEPTHWISE_LANES;
    const float *x = patches->x + image * patches->height * patches->width * all;
    for (size_t channel = first; channel < end; channel += DEPTHWISE_LANES) {
        size_t count = end - channel < DEPTHWISE_LANES ? end - channel : DEPTHWISE_LANES;
        const float *weights = packed + channel * patches->vertical_taps * taps;
        depthwise_copy(patches, &strip, x + channel, count, pixels);
        for (size_t row = first_row; row < end_row; row++) {
            const int32_t *rows = patches->rows + row * patches->vertical_taps;
            float *row_sums = sums + (row - first_row) * sum_width * sum_stride + (channel - first);
            if (!strip.steps) {
                for (size_t o = 0; o < width; o++)
                    depthwise_pixel(
                        patches, &strip, rows, patches->columns + o * taps, pixels, weights, row_sums + o * sum_stride);
                continue;
            }
            for (size_t o = 0; o < width; o += DEPTHWISE_PIXELS)
                depthwise_run(patches, &strip, rows, o, pixels, weights, row_sums + o * sum_stride, sum_stride);
        }
    }
    for (size_t row = first_row; row < end_row; row++)
        for (size_t o = 0; o < width; o++)
            finish_row(
                &linear->epilogue, (image * patches->output_height + row) * width + o, first, end - first,
                sums + ((row - first_row) * sum_width + o) * sum_stride);
}
