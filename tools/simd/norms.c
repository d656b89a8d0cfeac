// Norms, moments and transports.
#include <string.h>

#include "check.h"

static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 13, 15, 16, 17, 31, 33, 64, 67, 129, 300};
enum { SIZES = sizeof sizes / sizeof *sizes };

static near near_mean(const near *x, size_t count) {
    near sum = {0, 0}, carried = {0, 0};
    for (size_t i = 0; i < count; i++) {
        add_term(&sum, x[i].value, 1);
        carried.error += x[i].error;
    }
    sum = rounded_sum(sum, count + 4);
    sum.error += carried.error;
    return near_divide(sum, exact((float)count));
}

// Random elements of a type, of sizes from 2⁻⁴ up to 1, and their values.
static void *random_elements(bool half, size_t count, float *values) {
    uint16_t *halves = half ? memory(count * sizeof *halves, sizeof *halves) : NULL;
    for (size_t i = 0; i < count; i++) {
        values[i] = random_float();
        if (!half) continue;
        halves[i] = (uint16_t)(random_bits() & 0x8000u) | (uint16_t)((11 + random_below(4)) << 10 | random_below(1024));
        values[i] = half_to_float(halves[i]);
    }
    return half ? (void *)halves : copied(values, count);
}

static void *unwritten_elements(bool half, size_t count) {
    return half ? memory(count * sizeof(uint16_t), sizeof(uint16_t)) : (void *)unwritten(count);
}

static void *copied_elements(bool half, const void *elements, size_t count) {
    if (!half) return copied(elements, count);
    return memcpy(memory(count * sizeof(uint16_t), sizeof(uint16_t)), elements, count * sizeof(uint16_t));
}

static void compare_near_elements(const char *table, bool half, const void *result, const near *expected, size_t count) {
    if (half)
        compare_near_halves(table, result, expected, count);
    else
        compare_near(table, result, expected, count);
}

static void check_rows(size_t channels, bool layer, bool half, bool half_output, int options) {
    size_t rows = 5;
    begin(
        "%s %s to %s, %zu channels, options %d", layer ? "layerNorm" : "rmsNorm", half ? "f16" : "f32", half_output ? "f16" : "f32",
        channels, options);
    float *x = unwritten(rows * channels);
    void *elements = random_elements(half, rows * channels, x);
    float *gain = random_floats(channels), *bias = random_floats(channels);
    monge_transport transport = {0};
    if (options & 1) transport = random_transport(channels, rows, 1, 1);
    if (layer && options & 2) gain = NULL;
    if (layer && options & 4) bias = NULL;
    float epsilon = 1e-5f;
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    near *centred = memory(channels * sizeof *centred, sizeof(double));
    near *squares = memory(channels * sizeof *squares, sizeof(double));
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < channels; c++) centred[c] = exact(x[row * channels + c]);
        near mean = near_mean(centred, channels);
        for (size_t c = 0; c < channels; c++) {
            if (layer) centred[c] = near_subtract(centred[c], mean);
            squares[c] = near_multiply(centred[c], centred[c]);
        }
        near deviation = near_square_root(near_add(near_mean(squares, channels), exact(epsilon)));
        near factor = near_divide(exact(1), deviation);
        for (size_t c = 0; c < channels; c++) {
            near y = near_multiply(centred[c], factor);
            if (gain) y = near_multiply(y, exact(gain[c]));
            if (layer && bias) y = near_add(y, exact(bias[c]));
            expected[row * channels + c] = near_transport(&transport, row, c, y);
        }
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        void *output = unwritten_elements(half_output, rows * channels);
        for (int part = 0; part < 2; part++) {
            size_t first = part ? 2 : 0, end = part ? rows : 2;
            if (layer)
                tables[t]->layer_norm(elements, half, gain, bias, epsilon, &transport, channels, first, end, output, half_output);
            else
                tables[t]->rms_norm(elements, half, gain, epsilon, &transport, channels, first, end, output, half_output);
        }
        compare_near_elements(tables[t]->name, half_output, output, expected, rows * channels);
    }
    end();
}

// The strength is the product of λ and a logistic function of the whole row; an intercept of +∞ is no gate.
static void check_gated(size_t channels, bool half, bool half_output, bool in_place) {
    size_t rows = 9, maps = 4;
    begin(
        "gatedTransport %s to %s%s, %zu channels", half ? "f16" : "f32", half_output ? "f16" : "f32", in_place ? " in place" : "",
        channels);
    float *x = unwritten(rows * channels);
    void *elements = random_elements(half, rows * channels, x);
    monge_transport transport = random_transport(channels, rows, 1, 1);
    float *weights = random_floats(maps * channels), *intercepts = random_floats(maps);
    intercepts[random_below(maps)] = INFINITY;
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    for (size_t row = 0; row < rows; row++) {
        // What is no map of the table is none.
        size_t index = (size_t)transport.indices[row] < maps ? (size_t)transport.indices[row] : 0;
        near score = {0, 0};
        for (size_t c = 0; c < channels; c++) add_term(&score, x[row * channels + c], weights[index * channels + c]);
        near gate = near_activation(MONGE_SIGMOID, near_add(rounded_sum(score, channels + 4), exact(intercepts[index])));
        if (intercepts[index] == INFINITY) gate = exact(1);
        near strength = near_multiply(exact(transport.strengths[row]), gate);
        for (size_t c = 0; c < channels; c++) {
            near value = exact(x[row * channels + c]);
            const float *map = transport.table + (index * channels + c) * 4;
            bool acts = index > 0 && transport.strengths[row] != 0 && map[2] < value.value && value.value < map[3];
            near target = near_add(near_multiply(exact(map[0]), value), exact(map[1]));
            near moved = near_add(near_multiply(strength, near_subtract(target, value)), value);
            expected[row * channels + c] = acts ? moved : value;
        }
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        void *output = in_place ? copied_elements(half, elements, rows * channels) : unwritten_elements(half_output, rows * channels);
        const void *input = in_place ? output : elements;
        for (int part = 0; part < 2; part++)
            tables[t]->gated_transport(
                input, half, &transport, weights, intercepts, channels, part ? 4 : 0, part ? rows : 4, output, half_output);
        compare_near_elements(tables[t]->name, half_output, output, expected, rows * channels);
    }
    end();
}

// λ·Σ softmax(⟨v, x⟩ + c)·d is added to a row; an intercept of −∞ is no cluster. Scores within e of the true ones change a weight w by
// w·(exp(2·e) − 1) at most, e being the largest of those that count; its own exponential, sum and quotient are within (6 + 6·δ + 2·K + 10)·u, δ being how
// far the score lies below the highest. A weight below 2⁻¹²⁶ may be nothing.
static void check_clusters(size_t channels, bool half, bool half_output, bool in_place) {
    size_t rows = 9, maps = 4, count = 1 + random_below(MONGE_CLUSTERS);
    begin(
        "clusterTransport %s to %s%s, %zu channels, %zu clusters", half ? "f16" : "f32", half_output ? "f16" : "f32",
        in_place ? " in place" : "", channels, count);
    float *x = unwritten(rows * channels);
    void *elements = random_elements(half, rows * channels, x);
    monge_transport transport = random_transport(channels, rows, 1, 1);
    float *weights = random_floats(maps * count * channels), *shifts = random_floats(maps * count * channels);
    float *intercepts = random_floats(maps * count);
    // A map of no clusters, and some that are none in others.
    size_t empty = random_below(maps);
    for (size_t i = 0; i < maps * count; i++)
        if (i / count == empty || random_below(4) == 0) intercepts[i] = -INFINITY;
    monge_clusters clusters = {.count = count, .weights = weights, .intercepts = intercepts, .shifts = shifts};
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    for (size_t row = 0; row < rows; row++) {
        size_t index = (size_t)transport.indices[row];
        float strength = transport.strengths[row];
        near scores[MONGE_CLUSTERS];
        size_t present[MONGE_CLUSTERS], found = 0;
        for (size_t k = 0; k < count && index > 0 && index < maps && strength != 0; k++) {
            size_t cluster = index * count + k;
            if (intercepts[cluster] == -INFINITY) continue;
            near score = {0, 0};
            for (size_t c = 0; c < channels; c++) add_term(&score, x[row * channels + c], weights[cluster * channels + c]);
            scores[found] = near_add(rounded_sum(score, channels + 4), exact(intercepts[cluster]));
            present[found++] = cluster;
        }
        double highest = -INFINITY, total = 0, error = 0;
        for (size_t k = 0; k < found; k++) highest = fmax(highest, scores[k].value);
        for (size_t k = 0; k < found; k++) {
            double distance = highest - scores[k].value;
            total += exp(-distance);
            error = fmax(error, scores[k].error + 0x1p-24 * distance);
        }
        for (size_t c = 0; c < channels; c++) {
            near sum = {0, 0};
            for (size_t k = 0; k < found; k++) {
                double distance = highest - scores[k].value, weight = exp(-distance) / total;
                double relative = expm1(2 * error) + (6 + 6 * distance + 2 * (double)count + 10) * 0x1p-24;
                near factor = near_multiply(exact(strength), (near){weight, weight * relative + 0x1p-125});
                sum = near_add(sum, near_multiply(factor, exact(shifts[present[k] * channels + c])));
            }
            near value = exact(x[row * channels + c]);
            expected[row * channels + c] = found ? near_add(value, sum) : value;
        }
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        void *output = in_place ? copied_elements(half, elements, rows * channels) : unwritten_elements(half_output, rows * channels);
        const void *input = in_place ? output : elements;
        for (int part = 0; part < 2; part++)
            tables[t]->cluster_transport(
                input, half, &transport, &clusters, channels, part ? 4 : 0, part ? rows : 4, output, half_output);
        compare_near_elements(tables[t]->name, half_output, output, expected, rows * channels);
    }
    end();
}

// The same folding of blocks of 16 rows (Chan, Golub & LeVeque 1979), with its bounds.
static void check_moments(size_t rows, size_t channels, bool half) {
    begin("channel moments %s, %zu rows, %zu channels", half ? "f16" : "f32", rows, channels);
    float *x = unwritten(rows * channels);
    void *elements = random_elements(half, rows * channels, x);
    near *means = memory(channels * sizeof *means, sizeof(double)), *squares = memory(channels * sizeof *squares, sizeof(double));
    for (size_t c = 0; c < channels; c++)
        for (size_t row = 0; row < rows; row += 16) {
            size_t count = rows - row < 16 ? rows - row : 16;
            near values[16], spread = {0, 0};
            for (size_t r = 0; r < count; r++) values[r] = exact(x[(row + r) * channels + c]);
            near mean = near_mean(values, count);
            for (size_t r = 0; r < count; r++) {
                near centred = near_subtract(values[r], mean);
                spread = near_add(spread, near_multiply(centred, centred));
            }
            if (row > 0) {
                near share = near_divide(exact((float)count), exact((float)(row + count)));
                near difference = near_subtract(mean, means[c]);
                near weight = near_multiply(exact((float)row), share);
                mean = near_add(near_multiply(difference, share), means[c]);
                spread = near_add(near_add(spread, near_multiply(near_multiply(difference, difference), weight)), squares[c]);
            }
            means[c] = mean;
            squares[c] = spread;
        }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        float *m = unwritten(channels), *s = unwritten(channels);
        tables[t]->channel_moments(elements, half, rows, channels, m, s);
        compare_near(tables[t]->name, m, means, channels);
        compare_near(tables[t]->name, s, squares, channels);
    }
    end();
}

// A shift of 0 changes nothing, of −0 neither; everything else is an addition.
static float *random_shift(size_t channels) {
    float *shift = random_floats(channels);
    for (size_t c = 0; c < channels; c += 1 + random_below(3)) shift[c] = random_below(2) ? 0.0f : -0.0f;
    return shift;
}

enum { MAPS_FIRST = 1, RESIDUAL = 2, MAPS = 4, IN_PLACE = 8, NORM = 16, SHIFTS = 32, ALL_OPTIONS = 64 };

// types: 1 an x of f16, 2 a residual, 4 an output.
static void check_channelwise(size_t channels, int types, monge_activation activation, int options) {
    bool half = types & 1, half_residual = types & 2, half_output = types & 4;
    size_t images = 2, pixels = 5, rows = images * pixels, count = rows * channels;
    begin("channelwise of types %d, %zu channels, activation %d, options %d", types, channels, (int)activation, options);
    float *x = unwritten(count), *residual = unwritten(count);
    monge_channelwise work = {
        .half_x = half,
        .half_residual = half_residual,
        .half_output = half_output,
        .x = random_elements(half, count, x),
        .pixels = pixels,
        .channels = channels,
        .shift = options & SHIFTS ? random_shift(images * channels) : NULL,
        .maps_first = options & MAPS_FIRST,
        .activation = activation,
        .residual = options & RESIDUAL ? random_elements(half_residual, count, residual) : NULL,
    };
    if (options & NORM) {
        work.mean = random_floats(images * channels);
        work.scale = random_floats(images * channels);
        work.offset = random_floats(images * channels);
    }
    if (options & MAPS) work.transport = random_transport(channels, rows, 1 + random_below(3), 1 + random_below(pixels));
    // A map alone leaves what it does not move as it is, whatever that is; the limits of a support are not inside.
    bool is_map = types == 0 && activation == MONGE_IDENTITY && (options & ~(IN_PLACE | MAPS_FIRST)) == MAPS && channels > 2;
    if (is_map) {
        x[0] = NAN, x[1] = -0.0f, x[2] = INFINITY;
        for (size_t c = 0; c < channels; c++) {
            x[3 * channels + c] = work.transport.table[(3 * channels + c) * 4 + 2];
            x[4 * channels + c] = work.transport.table[(3 * channels + c) * 4 + 3];
        }
        work.x = copied(x, count);
    }
    near *expected = memory(count * sizeof *expected, sizeof(double));
    for (size_t row = 0; row < rows; row++)
        for (size_t c = 0; c < channels; c++) {
            size_t i = row * channels + c, image = row / pixels * channels + c;
            near y = exact(x[i]);
            if (work.mean) y = near_subtract(y, exact(work.mean[image]));
            if (work.mean) y = near_add(near_multiply(y, exact(work.scale[image])), exact(work.offset[image]));
            if (work.shift && work.shift[image] != 0) y = near_add(y, exact(work.shift[image]));
            if (work.maps_first) y = near_transport(&work.transport, row, c, y);
            y = near_activation(work.activation, y);
            if (!work.maps_first) y = near_transport(&work.transport, row, c, y);
            expected[i] = work.residual ? near_add(y, exact(residual[i])) : y;
        }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        monge_channelwise own = work;
        own.output = unwritten_elements(half_output, count);
        // The output may lie over the residual, or over x, of its own type.
        if (options & IN_PLACE && work.residual && half_residual == half_output)
            own.residual = own.output = copied_elements(half_output, work.residual, count);
        if (options & IN_PLACE && !work.residual && half == half_output)
            own.x = own.output = copied_elements(half_output, work.x, count);
        tables[t]->channelwise(&own, 0, 2);
        tables[t]->channelwise(&own, 2, rows);
        compare_near_elements(tables[t]->name, half_output, own.output, expected, count);
    }
    end();
}

void check_norms(void) {
    for (size_t i = 0; i < SIZES; i++)
        for (int half = 0; half < 2; half++) {
            for (int options = 0; options < 8; options++) {
                for (int half_output = 0; half_output < 2; half_output++) {
                    if (options < 2) check_rows(sizes[i], false, half, half_output, options);
                    check_rows(sizes[i], true, half, half_output, options);
                    if (options < 2 && (options == 0 || half == half_output)) check_gated(sizes[i], half, half_output, options);
                    if (options < 2 && (options == 0 || half == half_output)) check_clusters(sizes[i], half, half_output, options);
                }
            }
            for (size_t rows = 1; rows < 60; rows += 1 + random_below(9)) check_moments(rows, sizes[i], half);
            for (int options = 0; options < ALL_OPTIONS; options++) {
                check_channelwise(sizes[i], half ? 7 : 0, MONGE_IDENTITY, options);
                check_channelwise(sizes[i], half ? 7 : 0, (monge_activation)random_below(MONGE_TANH + 1), options);
                check_channelwise(sizes[i], (int)random_below(8), (monge_activation)random_below(MONGE_TANH + 1), options);
            }
        }
}
