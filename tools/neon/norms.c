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

static void check_rows(size_t channels, bool layer, int options) {
    size_t rows = 5;
    begin("%s, %zu channels, options %d", layer ? "layerNorm" : "rmsNorm", channels, options);
    float *x = random_floats(rows * channels), *gain = random_floats(channels), *bias = random_floats(channels);
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
        float *output = unwritten(rows * channels);
        for (int part = 0; part < 2; part++) {
            size_t first = part ? 2 : 0, end = part ? rows : 2;
            if (layer)
                tables[t]->layer_norm(x, gain, bias, epsilon, &transport, channels, first, end, output);
            else
                tables[t]->rms_norm(x, gain, epsilon, &transport, channels, first, end, output);
        }
        compare_near(tables[t]->name, output, expected, rows * channels);
    }
    end();
}

// The same folding of blocks of 16 rows (Chan, Golub & LeVeque 1979), with its bounds.
static void check_moments(size_t rows, size_t channels) {
    begin("channel moments, %zu rows, %zu channels", rows, channels);
    float *x = random_floats(rows * channels);
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
        tables[t]->channel_moments(x, rows, channels, m, s);
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

static void check_group_norm(size_t channels, int options) {
    size_t images = 2, pixels = 3, rows = images * pixels;
    begin("groupNorm, %zu channels, options %d", channels, options);
    monge_group_norm norm = {
        .x = random_floats(rows * channels),
        .pixels = pixels,
        .channels = channels,
        .mean = random_floats(images * channels),
        .scale = random_floats(images * channels),
        .offset = random_floats(images * channels),
        .shift = random_shift(images * channels),
        .maps_first = options & 1,
        .activation = (monge_activation)random_below(MONGE_TANH + 1),
        .residual = options & 2 ? random_floats(rows * channels) : NULL,
    };
    if (options & 4) norm.transport = random_transport(channels, rows, 1, pixels);
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    for (size_t row = 0; row < rows; row++)
        for (size_t c = 0; c < channels; c++) {
            size_t i = row * channels + c, image = row / pixels * channels + c;
            near y = near_subtract(exact(norm.x[i]), exact(norm.mean[image]));
            y = near_add(near_multiply(y, exact(norm.scale[image])), exact(norm.offset[image]));
            if (norm.shift[image] != 0) y = near_add(y, exact(norm.shift[image]));
            if (norm.maps_first) y = near_transport(&norm.transport, row, c, y);
            y = near_activation(norm.activation, y);
            if (!norm.maps_first) y = near_transport(&norm.transport, row, c, y);
            expected[i] = norm.residual ? near_add(y, exact(norm.residual[i])) : y;
        }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        monge_group_norm own = norm;
        own.output = unwritten(rows * channels);
        // The output may lie over the residual.
        if (norm.residual && options & 8) own.residual = own.output = copied(norm.residual, rows * channels);
        float *scratch = unwritten(channels);
        tables[t]->group_norm(&own, 0, 2, scratch);
        tables[t]->group_norm(&own, 2, rows, scratch);
        compare_near(tables[t]->name, own.output, expected, rows * channels);
    }
    end();
}

static void check_shifts(size_t channels, monge_activation activation) {
    size_t rows = 3;
    begin("shifted rows, %zu channels, activation %d", channels, (int)activation);
    float *x = random_floats(rows * channels), *shift = random_shift(channels);
    x[random_below(channels)] = -0.0f;
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    for (size_t i = 0; i < rows * channels; i++) {
        float by = shift[i % channels];
        expected[i] = near_activation(activation, by == 0 ? exact(x[i]) : near_add(exact(x[i]), exact(by)));
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        float *output = unwritten(rows * channels), *over = copied(x, rows * channels);
        tables[t]->shift_rows(x, shift, activation, rows, channels, output);
        tables[t]->shift_rows(over, shift, activation, rows, channels, over);
        compare_near(tables[t]->name, output, expected, rows * channels);
        compare_floats(over, output, rows * channels);
    }
    end();
}

static void check_transport(size_t channels, monge_activation activation) {
    size_t rows = 9;
    begin("transport, %zu channels, activation %d", channels, (int)activation);
    float *x = random_floats(rows * channels);
    monge_transport transport = random_transport(channels, rows, 1 + random_below(3), 1 + random_below(3));
    if (channels > 2) {
        x[0] = NAN, x[1] = -0.0f, x[2] = INFINITY;
        // On the limits, which are not inside.
        for (size_t c = 0; c < channels; c++) {
            x[3 * channels + c] = transport.table[(3 * channels + c) * 4 + 2];
            x[4 * channels + c] = transport.table[(3 * channels + c) * 4 + 3];
        }
    }
    near *expected = memory(rows * channels * sizeof *expected, sizeof(double));
    for (size_t i = 0; i < rows * channels; i++)
        expected[i] = near_activation(activation, near_transport(&transport, i / channels, i % channels, exact(x[i])));
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        float *output = unwritten(rows * channels), *over = copied(x, rows * channels);
        tables[t]->transport(&transport, x, activation, 0, 4, output);
        tables[t]->transport(&transport, x, activation, 4, rows, output);
        tables[t]->transport(&transport, over, activation, 0, rows, over);
        if (activation == MONGE_IDENTITY) compare_near(tables[t]->name, output, expected, rows * channels);
        compare_floats(over, output, rows * channels);
        // The activation of infinity is the business of the checks of functions.
        if (activation != MONGE_IDENTITY && channels > 2)
            compare_near(tables[t]->name, output + channels, expected + channels, (rows - 1) * channels);
    }
    end();
}

void check_norms(void) {
    for (size_t i = 0; i < SIZES; i++) {
        for (int options = 0; options < 8; options++) {
            if (options < 2) check_rows(sizes[i], false, options);
            check_rows(sizes[i], true, options);
        }
        for (int options = 0; options < 16; options++) check_group_norm(sizes[i], options);
        for (size_t rows = 1; rows < 60; rows += 1 + random_below(9)) check_moments(rows, sizes[i]);
        for (int activation = 0; activation <= MONGE_TANH; activation++) {
            check_shifts(sizes[i], (monge_activation)activation);
            check_transport(sizes[i], (monge_activation)activation);
        }
    }
}
