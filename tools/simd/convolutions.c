// Convolutions: by the matrix product over patches, with packed weights, and channel by channel.
#include <stdlib.h>
#include <string.h>

#include "check.h"

typedef struct {
    size_t images, height, width, groups, inputs, outputs, taps, stride, dilation, padding;
} convolution;

static size_t output_size(size_t inputs, const convolution *c) {
    return (inputs + 2 * c->padding - (c->taps - 1) * c->dilation - 1) / c->stride + 1;
}

static int32_t *positions(size_t inputs, const convolution *c) {
    size_t outputs = output_size(inputs, c);
    int32_t *places = memory(outputs * c->taps * sizeof *places, sizeof *places);
    for (size_t o = 0; o < outputs; o++)
        for (size_t t = 0; t < c->taps; t++) {
            ptrdiff_t place = (ptrdiff_t)(o * c->stride + t * c->dilation) - (ptrdiff_t)c->padding;
            places[o * c->taps + t] = place >= 0 && place < (ptrdiff_t)inputs ? (int32_t)place : -1;
        }
    return places;
}

// Whether every tap of an output column meets something; the distances are the same by construction.
static bool is_regular(const int32_t *columns, size_t taps) {
    for (size_t t = 0; t < taps; t++)
        if (columns[t] < 0) return false;
    return true;
}

static monge_patches patches_of(const convolution *c) {
    size_t channels = c->groups * c->inputs;
    monge_patches patches = {
        .x = random_floats(c->images * c->height * c->width * channels),
        .height = c->height,
        .width = c->width,
        .channels = channels,
        .inputs = c->inputs,
        .vertical_taps = c->taps,
        .horizontal_taps = c->taps,
        .output_height = output_size(c->height, c),
        .output_width = output_size(c->width, c),
        .rows = positions(c->height, c),
        .columns = positions(c->width, c),
    };
    size_t first = 0, end;
    while (first < patches.output_width && !is_regular(patches.columns + first * c->taps, c->taps)) first++;
    for (end = first; end < patches.output_width && is_regular(patches.columns + end * c->taps, c->taps);) end++;
    patches.regular_first = first;
    patches.regular_end = end;
    return patches;
}

static near *expected_convolution(const convolution *c, const monge_patches *patches, const monge_linear *linear) {
    size_t pixels = linear->rows, channels = linear->epilogue.channels, elements = linear->inputs;
    float *weights = unwritten(channels * elements);
    for (size_t n = 0; n < channels; n++)
        monge_kernels_plain.decode(linear->type, linear->weight + n * linear->weight_row_bytes, elements, weights + n * elements);
    near *expected = memory(pixels * channels * sizeof *expected, sizeof(double));
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        size_t o = pixel % patches->output_width, row = pixel / patches->output_width % patches->output_height;
        size_t image = pixel / patches->output_width / patches->output_height;
        for (size_t n = 0; n < channels; n++) {
            size_t group = n / c->outputs;
            const float *w = weights + n * elements;
            near sum = {0, 0};
            for (size_t v = 0; v < c->taps; v++)
                for (size_t h = 0; h < c->taps; h++, w += c->inputs) {
                    int32_t y = patches->rows[row * c->taps + v], x = patches->columns[o * c->taps + h];
                    if (y < 0 || x < 0) continue;
                    const float *in = patches->x + ((image * c->height + (size_t)y) * c->width + (size_t)x) * patches->channels;
                    for (size_t i = 0; i < c->inputs; i++) add_term(&sum, w[i], in[group * c->inputs + i]);
                }
            expected[pixel * channels + n] = near_epilogue(&linear->epilogue, pixel, n, rounded_sum(sum, elements + 8));
        }
    }
    return expected;
}

static float *by_patches(const monge_kernels *kernels, const convolution *c, const monge_patches *patches, monge_linear linear) {
    size_t panels = kernels->panels(linear.rows), channels = linear.epilogue.channels;
    float *output = linear.epilogue.output = unwritten(linear.rows * channels);
    for (size_t group = 0; group < c->groups; group++) {
        float *packed = aligned(kernels->packed_elements(linear.rows, linear.inputs)), *scratch = aligned(kernels->gemm_scratch(panels));
        for (size_t panel = 0; panel < panels; panel++) kernels->pack_patches(patches, group, 0, linear.rows, panel, packed);
        for (size_t n = group * c->outputs, end = n + c->outputs; n < end; n += MONGE_GEMM_CHANNELS)
            kernels->gemm(&linear, packed, n, n + MONGE_GEMM_CHANNELS < end ? n + MONGE_GEMM_CHANNELS : end, 0, panels, scratch);
    }
    return output;
}

static float *directly(const monge_kernels *kernels, const convolution *c, const monge_patches *patches, monge_linear linear) {
    size_t panels = kernels->panels(c->outputs), channels = linear.epilogue.channels;
    float *output = linear.epilogue.output = unwritten(linear.rows * channels);
    for (size_t group = 0; group < c->groups; group++) {
        size_t first = group * c->outputs, end = first + c->outputs, step = 1 + random_below(MONGE_DIRECT_PIXELS);
        float *packed = aligned(kernels->packed_weights(c->outputs, linear.inputs));
        for (size_t panel = 0; panel < panels; panel++) kernels->pack_weights(&linear, first, end, panel, packed);
        float *scratch = aligned(kernels->direct_scratch(patches, step, c->outputs));
        for (size_t pixel = 0; pixel < linear.rows; pixel += step)
            kernels->direct(
                &linear, patches, group, packed, first, end, pixel, pixel + step < linear.rows ? pixel + step : linear.rows, scratch);
    }
    return output;
}

static float *by_channels(const monge_kernels *kernels, const convolution *c, const monge_patches *patches, monge_linear linear) {
    size_t channels = c->groups, taps = linear.inputs, split = channels > 16 ? 16 : channels;
    float *output = linear.epilogue.output = unwritten(linear.rows * channels);
    float *packed = aligned(kernels->depthwise_packed(channels, taps));
    // Beyond the last channel, the lanes' weights are never used but are read.
    kernels->depthwise_weights(&linear, 0, split, packed);
    kernels->depthwise_weights(&linear, split, channels, packed);
    size_t rows = patches->output_height, cut = random_below(rows + 1);
    const size_t first_rows[] = {0, cut}, end_rows[] = {cut, rows}, firsts[] = {0, split}, ends[] = {split, channels};
    for (size_t image = 0; image < c->images; image++)
        for (int r = 0; r < 2; r++)
            for (int part = 0; part < 2; part++) {
                if (first_rows[r] == end_rows[r] || firsts[part] == ends[part]) continue;
                float *scratch =
                    aligned(kernels->depthwise_scratch(patches, first_rows[r], end_rows[r], ends[part] - firsts[part]));
                kernels->depthwise(
                    &linear, patches, packed, image, first_rows[r], end_rows[r], firsts[part], ends[part], scratch);
            }
    return output;
}

static void check_convolution(const convolution *c, monge_weight_type type, bool pieces) {
    begin(
        "convolution %s, %zu × %zu × %zu, %zu groups of %zu to %zu channels, %zu taps, stride %zu, dilation %zu, padding %zu%s",
        weight_names[type], c->images, c->height, c->width, c->groups, c->inputs, c->outputs, c->taps, c->stride, c->dilation,
        c->padding, pieces ? ", epilogue" : "");
    monge_patches patches = patches_of(c);
    size_t inputs = c->taps * c->taps * c->inputs, channels = c->groups * c->outputs;
    size_t pixels = c->images * patches.output_height * patches.output_width;
    monge_linear linear = random_linear(type, pixels, inputs, channels, pieces);
    near *expected = expected_convolution(c, &patches, &linear);
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        compare_near(tables[t]->name, by_patches(tables[t], c, &patches, linear), expected, pixels * channels);
        compare_near(tables[t]->name, directly(tables[t], c, &patches, linear), expected, pixels * channels);
        if (c->inputs == 1 && c->outputs == 1)
            compare_near(tables[t]->name, by_channels(tables[t], c, &patches, linear), expected, pixels * channels);
    }
    end();
}

void check_convolutions(void) {
    static const size_t inputs[] = {1, 2, 3, 4, 5, 7, 8, 16, 20, 33}, outputs[] = {1, 3, 4, 8, 9, 12, 17, 31, 100};
    for (int i = 0; i < 90; i++) {
        convolution c = {
            .images = 1 + random_below(2),
            .height = 3 + random_below(8),
            .width = 3 + random_below(13),
            .groups = 1 + random_below(3),
            .inputs = inputs[random_below(sizeof inputs / sizeof *inputs)],
            .outputs = outputs[random_below(sizeof outputs / sizeof *outputs)],
            .taps = 1 + random_below(3),
            .stride = 1 + random_below(2),
            .dilation = 1 + random_below(2),
            .padding = random_below(3),
        };
        if (i % 3 == 0) {
            c.groups = 1 + random_below(40);
            c.inputs = c.outputs = 1;
        }
        if ((c.taps - 1) * c.dilation + 1 > 3 + 2 * c.padding) c.dilation = 1;
        check_convolution(&c, (monge_weight_type)(i % 3), i % 2);
    }
    // Quantised weights: 32 inputs a tap, and more sums than are done at a stretch (direct.h).
    check_convolution(&(convolution){1, 6, 7, 1, 32, 13, 3, 1, 1, 1}, MONGE_Q4_1, true);
    check_convolution(&(convolution){1, 6, 7, 2, 64, 13, 2, 1, 1, 1}, MONGE_Q8_0, true);
    check_convolution(&(convolution){1, 4, 5, 1, 160, 61, 3, 1, 1, 1}, MONGE_Q5_0, true);
    check_convolution(&(convolution){1, 4, 5, 1, 131, 61, 3, 2, 1, 1}, MONGE_F32, true);
    check_convolution(&(convolution){2, 16, 16, 1, 36, 230, 3, 1, 1, 1}, MONGE_F16, false);
}
