// Weights and the matrix products.
#include <string.h>

#include "check.h"

static const monge_kernels *tables[2];

// Decoding and rounding to f16 and bf16 are the same bit for bit: where a fused multiplication stands, the product is exact.
static void check_decoding(monge_weight_type type, size_t count, bool moderate) {
    begin("decode %s, %zu elements", weight_names[type], count);
    size_t bytes = weight_row_bytes(type, count);
    uint8_t *row = random_weights(type, 1, count);
    // Any bits: scales that are infinite, NaN or subnormal.
    if (!moderate)
        for (size_t i = 0; i < bytes; i++) row[i] = (uint8_t)random_bits();
    float *result = unwritten(count), *plain = unwritten(count);
    tested->decode(type, row, count, result);
    monge_kernels_plain.decode(type, row, count, plain);
    compare_floats(result, plain, count);
    end();
}

static void check_all_of_two_bytes(monge_weight_type type) {
    enum { ALL = 1 << 16 };
    begin("decode every %s", weight_names[type]);
    uint16_t *row = memory(2 * ALL, 2);
    for (size_t i = 0; i < ALL; i++) row[i] = (uint16_t)i;
    float *result = unwritten(ALL), *plain = unwritten(ALL);
    tested->decode(type, (const uint8_t *)row, ALL, result);
    monge_kernels_plain.decode(type, (const uint8_t *)row, ALL, plain);
    compare_floats(result, plain, ALL);
    if (type == MONGE_F16)
        for (size_t i = 0; i < ALL; i++)
            if (!(isnan(result[i]) ? isnan(half_to_float(row[i])) : result[i] == half_to_float(row[i])))
                fail("%04zx is %.9g", i, result[i]);
    end();
}

static void check_encoding(monge_weight_type type, const float *values, size_t count, const char *what) {
    begin("encode %zu %s to %s", count, what, weight_names[type]);
    float *x = copied(values, count);
    uint16_t *result = memory(2 * count, 2), *plain = memory(2 * count, 2);
    tested->encode(type, x, count, (uint8_t *)result);
    monge_kernels_plain.encode(type, x, count, (uint8_t *)plain);
    compare_bytes(result, plain, 2 * count);
    end();
}

void check_weights(void) {
    for (monge_weight_type type = MONGE_F32; type < MONGE_WEIGHT_TYPES; type++)
        for (size_t blocks = 0; blocks < 70; blocks++) {
            check_decoding(type, blocks * weight_block(type), true);
            check_decoding(type, blocks * weight_block(type), false);
        }
    check_all_of_two_bytes(MONGE_F16);
    check_all_of_two_bytes(MONGE_BF16);

    // Numbers of any bits, and every number half way between two of two bytes with its neighbours: ties, subnormal numbers, overflow.
    enum { MANY = 1 << 19 };
    static float values[MANY];
    for (size_t i = 0; i < MANY; i++) {
        uint32_t bits = random_bits();
        memcpy(&values[i], &bits, sizeof bits);
    }
    for (monge_weight_type type = MONGE_F16; type <= MONGE_BF16; type++) {
        check_encoding(type, values, MANY, "numbers of any bits");
        for (size_t count = 0; count < 40; count++) check_encoding(type, values + count, count, "numbers of any bits");
    }
    size_t count = 0;
    for (uint32_t i = 0; i < 1 << 16; i++) {
        uint32_t brain = (i << 16) + 0x8000;
        for (int step = -1; step <= 1; step++) {
            uint32_t bits = brain + (uint32_t)step;
            memcpy(&values[count++], &bits, sizeof bits);
        }
        if ((i & 0x7fff) >= 0x7c00) continue;
        float here = half_to_float((uint16_t)i), next = half_to_float((uint16_t)(i + 1));
        // Above the largest number comes what would be 65536.
        float middle = (here + (isinf(next) ? copysignf(65536, here) : next)) / 2;
        values[count++] = middle;
        values[count++] = nextafterf(middle, INFINITY);
        values[count++] = nextafterf(middle, -INFINITY);
    }
    for (monge_weight_type type = MONGE_F16; type <= MONGE_BF16; type++) check_encoding(type, values, count, "ties and neighbours");
}

// Every product errs by u, every addition by u of the sum so far, which |w|·|x| added up bound; some additions join lanes and blocks.
static near *expected_linear(const monge_linear *linear, size_t rows, const float *weights) {
    size_t channels = linear->epilogue.channels, inputs = linear->inputs;
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    for (size_t row = 0; row < rows; row++) {
        size_t place = linear->result_rows ? (size_t)linear->result_rows[row] : linear->first_row + row;
        for (size_t n = 0; n < channels; n++) {
            near sum = {0, 0};
            for (size_t k = 0; k < inputs; k++) add_term(&sum, weights[n * inputs + k], linear->x[row * inputs + k]);
            expected[row * channels + n] = near_epilogue(&linear->epilogue, place, n, rounded_sum(sum, inputs + 8));
        }
    }
    return expected;
}

monge_linear random_linear(monge_weight_type type, size_t rows, size_t inputs, size_t channels, bool pieces) {
    return (monge_linear){
        .rows = rows,
        .inputs = inputs,
        .type = type,
        .weight = random_weights(type, channels, inputs),
        .weight_row_bytes = weight_row_bytes(type, inputs),
        .epilogue = random_epilogue(channels, rows, pieces),
    };
}

static float *decoded_weights(const monge_linear *linear) {
    size_t channels = linear->epilogue.channels;
    float *weights = unwritten(channels * linear->inputs);
    for (size_t n = 0; n < channels; n++)
        monge_kernels_plain.decode(
            linear->type, linear->weight + n * linear->weight_row_bytes, linear->inputs, weights + n * linear->inputs);
    return weights;
}

static void check_dot(monge_weight_type type, size_t rows, size_t inputs, size_t channels, bool pieces) {
    begin("dot %s, %zu rows, %zu inputs, %zu channels%s", weight_names[type], rows, inputs, channels, pieces ? ", epilogue" : "");
    monge_linear linear = random_linear(type, rows, inputs, channels, pieces);
    linear.x = random_floats(rows * inputs);
    near *expected = expected_linear(&linear, rows, decoded_weights(&linear));
    size_t middle = random_below(channels + 1);
    for (int t = 0; t < 2; t++) {
        linear.epilogue.output = unwritten(rows * channels);
        float *scratch = unwritten(MONGE_DOT_ROWS * channels);
        if (middle > 0) tables[t]->dot(&linear, 0, middle, scratch);
        if (middle < channels) tables[t]->dot(&linear, middle, channels, scratch);
        compare_near(tables[t]->name, linear.epilogue.output, expected, rows * channels);
    }
    end();
}

// Each row by itself, without an epilogue.
static const float *rows_alone(const monge_linear *linear, const monge_kernels *kernels) {
    size_t channels = linear->epilogue.channels;
    float *alone = unwritten(linear->rows * channels);
    for (size_t row = 0; row < linear->rows; row++) {
        monge_linear one = *linear;
        one.x += row * linear->inputs;
        one.rows = 1;
        one.epilogue.output = alone + row * channels;
        kernels->dot(&one, 0, channels, unwritten(MONGE_DOT_ROWS * channels));
    }
    return alone;
}

// Many rows have the bits of few.
static void check_panels(monge_weight_type type, size_t rows, size_t inputs, size_t channels, bool pieces) {
    begin("dot panels %s, %zu rows, %zu inputs, %zu channels%s", weight_names[type], rows, inputs, channels, pieces ? ", epilogue" : "");
    monge_linear linear = random_linear(type, rows, inputs, channels, pieces);
    linear.x = random_floats(rows * inputs);
    near *expected = expected_linear(&linear, rows, decoded_weights(&linear));
    size_t middle = random_below(channels + 1), cut = random_below(rows + 1);
    const size_t channel_cuts[] = {0, middle, channels}, row_cuts[] = {0, cut, rows};
    for (int t = 0; t < 2; t++) {
        float *output = unwritten(rows * channels);
        float *scratch = aligned(tables[t]->panel_scratch(channels, inputs));
        linear.epilogue.output = output;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++)
                if (channel_cuts[i] < channel_cuts[i + 1] && row_cuts[j] < row_cuts[j + 1])
                    tables[t]->dot_panel(&linear, channel_cuts[i], channel_cuts[i + 1], row_cuts[j], row_cuts[j + 1], scratch);
        compare_near(tables[t]->name, output, expected, rows * channels);
        if (!pieces) compare_floats(rows_alone(&linear, tables[t]), output, rows * channels);
    }
    end();
}

static void check_gemm(monge_weight_type type, size_t rows, size_t inputs, size_t channels, bool pieces) {
    begin("gemm %s, %zu rows, %zu inputs, %zu channels%s", weight_names[type], rows, inputs, channels, pieces ? ", epilogue" : "");
    monge_linear linear = random_linear(type, rows, inputs, channels, pieces);
    linear.x = random_floats(rows * inputs);
    int32_t *places = memory(rows * sizeof *places, sizeof *places);
    for (size_t r = 0; r < rows; r++) places[r] = (int32_t)(rows - 1 - r);
    if (random_below(2)) linear.result_rows = places;
    near *expected = expected_linear(&linear, rows, decoded_weights(&linear));
    size_t middle = random_below(channels + 1);
    for (int t = 0; t < 2; t++) {
        const monge_kernels *kernels = tables[t];
        bool is_alike = weight_block(type) == 1 && !pieces && inputs > 0;
        size_t panels = kernels->panels(rows), cut = random_below(panels + 1);
        float *output = unwritten(rows * channels), *packed = aligned(kernels->packed_elements(rows, inputs));
        linear.epilogue.output = output;
        for (size_t panel = 0; panel < panels; panel++) kernels->pack(&linear, panel, packed);
        float *scratch = aligned(kernels->gemm_scratch(panels));
        const size_t firsts[] = {0, middle}, ends[] = {middle, channels};
        for (int part = 0; part < 2; part++) {
            if (firsts[part] == ends[part]) continue;
            if (cut > 0) kernels->gemm(&linear, packed, firsts[part], ends[part], 0, cut, scratch);
            if (cut < panels) kernels->gemm(&linear, packed, firsts[part], ends[part], cut, panels, scratch);
        }
        float *in_order = unwritten(rows * channels);
        for (size_t r = 0; r < rows; r++) {
            size_t place = linear.result_rows ? (size_t)linear.result_rows[r] : r;
            memcpy(in_order + r * channels, output + place * channels, channels * sizeof(float));
        }
        compare_near(kernels->name, in_order, expected, rows * channels);
        if (is_alike) compare_floats(rows_alone(&linear, kernels), in_order, rows * channels);
    }
    end();
}

void check_products(void) {
    tables[0] = tested;
    tables[1] = &monge_kernels_plain;
    for (monge_weight_type type = MONGE_F32; type < MONGE_WEIGHT_TYPES; type++) {
        size_t block = weight_block(type);
        for (size_t rows = 1; rows <= MONGE_DOT_ROWS; rows++)
            for (size_t i = 0; i < 4; i++) {
                size_t inputs = block == 1 ? (size_t[]){1, 31, 33, 257}[i] : block * (i + 1);
                check_dot(type, rows, inputs, 1 + random_below(20), i % 2);
            }
        static const size_t panel_rows[] = {1, 2, 3, 4, 5, 7, 9, 21}, panel_channels[] = {1, 4, 6, 7, 16, 19, 33, 48};
        for (size_t i = 0; i < sizeof panel_rows / sizeof *panel_rows && block > 1; i++)
            check_panels(type, panel_rows[i], block * (i == 7 ? 30 : i + 1), panel_channels[random_below(8)], i % 2);
        static const size_t rows[] = {1, 3, 4, 5, 12, 13, 16, 17, 25, 37, 50, 100};
        static const size_t channels[] = {1, 2, 5, 7, 8, 9, 13, 25, 31, 96};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (size_t j = 0; j < 2; j++) {
                size_t blocks = 1 + random_below(block == 32 ? 9 : 2);
                size_t inputs = block == 1 ? (size_t[]){0, 1, 7, 100, 127, 129, 256, 300}[random_below(8)] : block * blocks;
                check_gemm(type, rows[i], inputs, channels[random_below(sizeof channels / sizeof *channels)], j);
            }
    }
}
