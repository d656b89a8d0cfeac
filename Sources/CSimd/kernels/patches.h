// The rows of a convolution's matrix product: row r is what the taps of output pixel r meet, tap after tap. They are packed into
// panels straight from the image, so that the matrix of patches never exists.

enum {
    // The elements of a patch that are collected before they are transposed, where a tap's are not whole vectors.
    PATCH_BLOCK = 256,
};

// What an output pixel meets.
typedef struct {
    // Its image, from the first channel of the group.
    const float *image;
    // The input row of each vertical tap, the input column of each horizontal one; −1 for none.
    const int32_t *rows;
    const int32_t *columns;
} patch;

INLINE patch patch_of(const monge_patches *patches, size_t group, size_t pixel) {
    size_t column = pixel % patches->output_width, row = pixel / patches->output_width % patches->output_height;
    size_t image = pixel / patches->output_width / patches->output_height;
    return (patch){
        .image = patches->x + image * patches->height * patches->width * patches->channels + group * patches->inputs,
        .rows = patches->rows + row * patches->vertical_taps,
        .columns = patches->columns + column * patches->horizontal_taps,
    };
}

// The channels that a tap meets, or NULL.
INLINE const float *patch_channels(const monge_patches *patches, const patch *patch, size_t vertical, size_t horizontal) {
    int32_t row = patch->rows[vertical], column = patch->columns[horizontal];
    if (row < 0 || column < 0) return NULL;
    return patch->image + ((size_t)row * patches->width + (size_t)column) * patches->channels;
}

// A few elements at a time: a call of memcpy would take longer than they do.
INLINE void copy_few(float *restrict to, const float *restrict from, size_t count) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) memcpy(to + i, from + i, 4 * sizeof(float));
    for (; i < count; i++) to[i] = from[i];
}

// Elements first ..< first + count of a patch. Taps that meet neighbouring pixels are one run where a pixel has no other channels.
static void collect_patch(const monge_patches *patches, const patch *patch, size_t first, size_t count, float *elements) {
    size_t inputs = patches->inputs, taps = patches->horizontal_taps;
    size_t vertical = 0, horizontal = 0, channel = 0;
    if (first > 0) {
        vertical = first / inputs / taps;
        horizontal = first / inputs % taps;
        channel = first % inputs;
    }
    while (count > 0) {
        const float *channels = patch_channels(patches, patch, vertical, horizontal);
        size_t run = inputs - channel;
        horizontal++;
        if (channels && inputs == patches->channels)
            for (; run < count && horizontal < taps && patch->columns[horizontal] == patch->columns[horizontal - 1] + 1; horizontal++)
                run += inputs;
        if (run > count) run = count;
        if (channels)
            copy_few(elements, channels + channel, run);
        else
            for (size_t i = 0; i < run; i++) elements[i] = 0;
        elements += run;
        count -= run;
        channel = 0;
        if (horizontal == taps) {
            horizontal = 0;
            vertical++;
        }
    }
}

// A vector of a panel from whole vectors of channels, transposed where they lie.
static void pack_whole_taps(
    const monge_patches *patches, const patch lanes[LANES], size_t used, size_t vectors, float *panel) {
    static const float zeros[LANES];
    for (size_t vertical = 0; vertical < patches->vertical_taps; vertical++)
        for (size_t horizontal = 0; horizontal < patches->horizontal_taps; horizontal++) {
            // Where a tap meets nothing, the mask keeps to the same zeros.
            const float *channels[LANES];
            size_t mask[LANES];
            for (size_t l = 0; l < LANES; l++) {
                channels[l] = l < used ? patch_channels(patches, &lanes[l], vertical, horizontal) : NULL;
                mask[l] = channels[l] ? SIZE_MAX : 0;
                if (!channels[l]) channels[l] = zeros;
            }
            for (size_t c = 0; c < patches->inputs; c += LANES) {
                vfloat square[LANES];
                for (size_t l = 0; l < LANES; l++) square[l] = load(channels[l] + (c & mask[l]));
                transpose(square);
                for (size_t i = 0; i < LANES; i++, panel += vectors * LANES) store(panel, square[i]);
            }
        }
}

// The same for any number of channels.
static void pack_collected_taps(
    const monge_patches *patches, const patch lanes[LANES], size_t used, size_t vectors, float *panel) {
    float block[LANES][PATCH_BLOCK] = {0};
    size_t elements = patches->vertical_taps * patches->horizontal_taps * patches->inputs;
    for (size_t k = 0; k < elements; k += PATCH_BLOCK) {
        size_t count = elements - k < PATCH_BLOCK ? elements - k : PATCH_BLOCK;
        for (size_t l = 0; l < used; l++) collect_patch(patches, &lanes[l], k, count, block[l]);
        for (size_t i = 0; i < count; i += LANES) {
            size_t width = count - i < LANES ? count - i : LANES;
            vfloat square[LANES];
            for (size_t l = 0; l < LANES; l++) square[l] = load(block[l] + i);
            transpose(square);
            for (size_t j = 0; j < width; j++, panel += vectors * LANES) store(panel, square[j]);
        }
    }
}

static void pack_patches(
    const monge_patches *patches, size_t group, size_t first_pixel, size_t pixels, size_t panel, float *packed) {
    size_t elements = patches->vertical_taps * patches->horizontal_taps * patches->inputs;
    size_t all = row_vectors(pixels), start = panel_start(panel, all), vectors = panel_start(panel + 1, all) - start;
    for (size_t v = 0; v < vectors; v++) {
        size_t first = (start + v) * LANES, used = pixels - first < LANES ? pixels - first : LANES;
        patch lanes[LANES];
        for (size_t l = 0; l < used; l++) lanes[l] = patch_of(patches, group, first_pixel + first + l);
        float *place = packed + (start * elements + v) * LANES;
        if (patches->inputs % LANES == 0)
            pack_whole_taps(patches, lanes, used, vectors, place);
        else
            pack_collected_taps(patches, lanes, used, vectors, place);
    }
}
