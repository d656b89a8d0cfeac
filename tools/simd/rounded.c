// Products of quantised weights with activations rounded to integers.
#include <string.h>

#include "check.h"

enum { BLOCK = 32, MOST = 32512 };

// Numbers of many magnitudes, zeros, and now and then a whole block of zeros, of tiny numbers, or with one that is not finite.
static float *random_activations(size_t rows, size_t inputs) {
    float *x = random_floats(rows * inputs);
    for (size_t b = 0; b < rows * inputs / BLOCK; b++) {
        float *block = x + b * BLOCK, scale = ldexpf(1, (int)random_below(24) - 12);
        size_t kind = random_below(24);
        for (size_t i = 0; i < BLOCK; i++) block[i] = kind == 0 ? 0 : kind == 1 ? ldexpf(block[i], -101) : block[i] * scale;
        // A tie: half an integer of the scale's.
        if (kind == 2) {
            for (size_t i = 0; i < BLOCK; i++) block[i] = (float)((int)random_below(2 * MOST + 1) - MOST) / 2;
            block[random_below(BLOCK)] = MOST;
        }
    }
    return x;
}

// The rule, an operation at a time.
static void expected_block(const float *x, float *scale, int16_t q[BLOCK]) {
    float most = 0;
    bool is_finite = true;
    for (size_t i = 0; i < BLOCK; i++) {
        is_finite = is_finite && isfinite(x[i]);
        if (fabsf(x[i]) > most) most = fabsf(x[i]);
    }
    bool is_zero = most < 0x1p-100f;
    float inverse = MOST / most;
    for (size_t i = 0; i < BLOCK; i++) {
        float scaled = x[i] * inverse;
        q[i] = is_finite && !is_zero ? (int16_t)rintf(scaled) : 0;
    }
    *scale = !is_finite ? NAN : is_zero ? 0 : most / MOST;
}

static void compare_blocks(const monge_linear *linear, const monge_rounded_block *blocks, const char *table) {
    for (size_t row = 0; row < linear->rows; row++)
        for (size_t b = 0; b < linear->inputs / BLOCK; b++) {
            const monge_rounded_block *block = blocks + b * linear->rows + row;
            float scale;
            int16_t q[BLOCK];
            expected_block(linear->x + row * linear->inputs + b * BLOCK, &scale, q);
            int total = 0;
            bool is_same = true;
            for (size_t i = 0; i < BLOCK; i++) {
                total += q[i];
                // −128 has no counterpart above, where signs are taken from weights.
                is_same = is_same && 255 * block->high[i] + block->low[i] == q[i] && block->high[i] >= -127 && block->low[i] >= -127;
            }
            if (!is_same) fail("%s: row %zu, block %zu has other integers", table, row, b);
            if (!(block->scale == scale || (isnan(scale) && isnan(block->scale))))
                fail("%s: row %zu, block %zu has the scale %.9g, expected %.9g", table, row, b, block->scale, scale);
            float sum = scale * (float)total;
            if (!(block->sum == sum || (isnan(sum) && isnan(block->sum))))
                fail("%s: row %zu, block %zu has the sum %.9g, expected %.9g", table, row, b, block->sum, sum);
        }
}

// The offsets of weights, for types that have them: what blocks without integers decode to.
static float *decoded_offsets(const monge_linear *linear) {
    static const size_t heads[MONGE_WEIGHT_TYPES] = {[MONGE_Q4_1] = 4, [MONGE_Q5_1] = 4, [MONGE_Q4_K] = 16, [MONGE_Q5_K] = 16};
    size_t channels = linear->epilogue.channels, inputs = linear->inputs, head = heads[linear->type];
    float *offsets = unwritten(channels * inputs);
    memset(offsets, 0, channels * inputs * sizeof *offsets);
    if (head == 0) return offsets;
    size_t elements = weight_block(linear->type), bytes = weight_row_bytes(linear->type, elements);
    for (size_t n = 0; n < channels; n++)
        for (size_t b = 0; b < inputs / elements; b++) {
            uint8_t block[256] = {0};
            memcpy(block, linear->weight + n * linear->weight_row_bytes + b * bytes, head);
            monge_kernels_plain.decode(linear->type, block, elements, offsets + n * inputs + b * elements);
        }
    return offsets;
}

// Integers are summed exactly; then come a sum for each 16 elements at most, and for each term the integers' sum as a float, the product of
// the scales or that of an activation's scale and the integers' sum, its own product, and the decoding of the weight.
static near *expected_products(const monge_linear *linear) {
    size_t channels = linear->epilogue.channels, inputs = linear->inputs;
    near *expected = memory(linear->rows * channels * sizeof *expected, sizeof(double));
    float *weights = unwritten(inputs), *offsets = decoded_offsets(linear);
    for (size_t n = 0; n < channels; n++) {
        monge_kernels_plain.decode(linear->type, linear->weight + n * linear->weight_row_bytes, inputs, weights);
        for (size_t row = 0; row < linear->rows; row++) {
            near sum = {0, 0};
            for (size_t b = 0; b < inputs / BLOCK; b++) {
                float scale;
                int16_t q[BLOCK];
                expected_block(linear->x + row * inputs + b * BLOCK, &scale, q);
                for (size_t i = 0; i < BLOCK; i++) {
                    double x = (double)scale * q[i], offset = offsets[n * inputs + b * BLOCK + i];
                    add_term(&sum, weights[b * BLOCK + i] - offset, x);
                    add_term(&sum, offset, x);
                }
            }
            expected[row * channels + n] =
                near_epilogue(&linear->epilogue, linear->first_row + row, n, rounded_sum(sum, inputs / 16 + 5));
        }
    }
    return expected;
}

// Weights in the order of the kernels give the same bits, and come back as they were.
static void check_interleaved(
    const monge_rounded_kernels *kernels, const monge_linear *linear, const monge_rounded_block *blocks, size_t middle,
    const float *expected) {
    size_t rows = linear->rows, channels = linear->epilogue.channels, lanes = kernels->lanes, bytes = linear->weight_row_bytes;
    size_t groups = (channels + lanes - 1) / lanes, cut = random_below(groups + 1);
    monge_linear product = *linear;
    uint8_t *weight = memory(groups * lanes * bytes, 64), *restored = memory(channels * bytes, 2);
    kernels->interleave(linear, cut, groups, weight);
    kernels->interleave(linear, 0, cut, weight);
    product.weight = weight;
    product.interleaved = true;
    float *output = unwritten(rows * channels), *scratch = aligned(kernels->scratch(rows, channels));
    product.epilogue.output = output;
    const size_t channel_cuts[] = {0, cut * lanes < channels ? cut * lanes : channels, channels}, row_cuts[] = {0, middle, rows};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (channel_cuts[i] < channel_cuts[i + 1] && row_cuts[j] < row_cuts[j + 1])
                kernels->product(&product, blocks, channel_cuts[i], channel_cuts[i + 1], row_cuts[j], row_cuts[j + 1], scratch);
    compare_floats(output, expected, rows * channels);
    kernels->restore(&product, 0, groups, restored);
    if (memcmp(restored, linear->weight, channels * bytes) != 0) fail("%s: interleaved weights do not come back", kernels->name);
}

static void check_product(
    const monge_rounded_kernels *kernels, monge_weight_type type, size_t rows, size_t inputs, size_t channels, bool pieces) {
    begin(
        "%s: rounded %s, %zu rows, %zu inputs, %zu channels%s", kernels->name, weight_names[type], rows, inputs, channels,
        pieces ? ", epilogue" : "");
    monge_linear linear = random_linear(type, rows, inputs, channels, pieces);
    linear.x = random_activations(rows, inputs);
    if (random_below(8) == 0) ((float *)linear.x)[random_below(rows * inputs)] = random_below(2) ? INFINITY : NAN;
    near *expected = expected_products(&linear);
    size_t count = rows * inputs / BLOCK * sizeof(monge_rounded_block), middle = random_below(rows + 1);
    monge_rounded_block *blocks = memory(count, 16);
    kernels->round(&linear, 0, middle, blocks);
    kernels->round(&linear, middle, rows, blocks);
    compare_blocks(&linear, blocks, kernels->name);

    // In four parts, and then row by row: the same bits.
    float *output = unwritten(rows * channels), *alone = unwritten(rows * channels);
    float *scratch = aligned(kernels->scratch(rows, channels));
    linear.epilogue.output = output;
    size_t cut = random_below(channels / 16 + 1) * 16;
    const size_t channel_cuts[] = {0, cut, channels}, row_cuts[] = {0, middle, rows};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (channel_cuts[i] < channel_cuts[i + 1] && row_cuts[j] < row_cuts[j + 1])
                kernels->product(&linear, blocks, channel_cuts[i], channel_cuts[i + 1], row_cuts[j], row_cuts[j + 1], scratch);
    compare_near(kernels->name, output, expected, rows * channels);
    for (size_t row = 0; row < rows; row++) {
        monge_linear one = linear;
        one.x += row * inputs;
        one.rows = 1;
        one.first_row = row;
        one.epilogue.output = alone;
        monge_rounded_block *own = memory(inputs / BLOCK * sizeof *own, 16);
        kernels->round(&one, 0, 1, own);
        kernels->product(&one, own, 0, channels, 0, 1, scratch);
    }
    compare_floats(alone, output, rows * channels);
    if (channels >= kernels->lanes) check_interleaved(kernels, &linear, blocks, middle, output);
    end();
}

void check_rounded(const monge_rounded_kernels *kernels) {
    static const size_t rows[] = {1, 2, 3, 8, 9, 31}, channels[] = {1, 3, 8, 15, 16, 17, 33, 50};
    for (monge_weight_type type = MONGE_Q4_0; type < MONGE_WEIGHT_TYPES; type++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (size_t j = 0; j < sizeof channels / sizeof *channels; j++) {
                size_t block = weight_block(type), blocks = random_below(block == 32 ? 9 : 3) + 1;
                check_product(kernels, type, rows[i], block * blocks, channels[j], (i + j) % 2);
            }
}
