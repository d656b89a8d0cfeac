// What is chosen from a row, exponentials and the softmax; and the parts of the package that no table holds.
#include <stdlib.h>
#include <string.h>

#include "check.h"

// Few different values, so that there are ties; NaN and infinities among them.
static float *row_with_ties(size_t count) {
    float *x = random_floats(count);
    for (size_t i = 0; i < count; i++) {
        if (random_below(2)) x[i] = (float)random_below(4);
        if (!random_below(9)) x[i] = (float[]){NAN, -INFINITY, INFINITY, -0.0f, 0.0f}[random_below(5)];
    }
    if (!random_below(8))
        for (size_t i = 0; i < count; i++) x[i] = random_below(2) ? NAN : -INFINITY;
    return x;
}

static void check_choice(size_t count) {
    begin("argmax and topK of %zu", count);
    float *x = row_with_ties(count);
    size_t result = tested->argmax(x, count), plain = monge_kernels_plain.argmax(x, count), kept = 1 + random_below(count);
    if (result != plain) fail("argmax is %zu, plain %zu", result, plain);
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if ((isnan(x[best]) ? -INFINITY : x[best]) < (isnan(x[i]) ? -INFINITY : x[i])) best = i;
    if (result != best) fail("argmax is %zu, expected %zu", result, best);
    float *values = unwritten(kept), *plain_values = unwritten(kept);
    int32_t *indices = memory(4 * kept, 4), *plain_indices = memory(4 * kept, 4);
    tested->top_k(x, count, kept, values, indices);
    monge_kernels_plain.top_k(x, count, kept, plain_values, plain_indices);
    compare_floats(values, plain_values, kept);
    compare_bytes(indices, plain_indices, 4 * kept);
    end();
}

// The tokens that a draw can choose: the same to the bit on all devices, and in their order.
static void check_token_weights(size_t count, float reach, float inverse_temperature) {
    begin("weights of %zu tokens, up to %g, times %g", count, reach, inverse_temperature);
    float *x = random_floats(count), largest = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        x[i] *= reach;
        if (!random_below(9)) x[i] = (float[]){-INFINITY, -0.0f, 0.0f, 0x1p-149f, reach}[random_below(5)];
        largest = fmaxf(largest, x[i]);
    }
    if (largest == -INFINITY) x[0] = largest = 0;
    int32_t *places = memory(4 * count, 4), *plain_places = memory(4 * count, 4);
    uint32_t *weights = memory(4 * count, 4), *plain_weights = memory(4 * count, 4);
    uint32_t *keys = memory(4 * count, 4), *plain_keys = memory(4 * count, 4);
    size_t found = tested->sample_weights(x, count, largest, inverse_temperature, places, weights, keys);
    size_t plain = monge_kernels_plain.sample_weights(x, count, largest, inverse_temperature, plain_places, plain_weights, plain_keys);
    if (found != plain) fail("%zu can be chosen, plain %zu", found, plain);
    compare_bytes(places, plain_places, 4 * found);
    compare_bytes(weights, plain_weights, 4 * found);
    compare_bytes(keys, plain_keys, 4 * found);
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        float z = (x[i] - largest) * inverse_temperature;
        if (!(x[i] == largest || z > -22)) continue;
        if (next == found || places[next] != (int32_t)i) fail("token %zu is left out", i);
        // Within 2 ulp of an f32, and the part that is cut off.
        double exact = 0x1p30 * exp(x[i] == largest ? 0 : (double)z);
        if (!(fabs(weights[next] - exact) <= 1 + exact * 0x1p-22)) fail("token %zu weighs %u, exactly %.9g", i, weights[next], exact);
        if (next > 0 && (x[i] < x[places[next - 1]]) != (keys[next] < keys[next - 1])) fail("keys of tokens %zu and before", i);
        next++;
    }
    if (next != found) fail("%zu can be chosen, expected %zu", found, next);
    end();
}

// The difference is exact, what it loses to rounding is put back by one more; the product is rounded. Within 2 ulp of the exponential of
// that, and half the spacing of subnormal numbers more.
static void check_exponentials(size_t count, float reach, float shift, float scale) {
    begin("exponentials of %zu, up to %g, shift %g, scale %g", count, reach, shift, scale);
    float *x = random_floats(count);
    for (size_t i = 0; i < count; i++) x[i] *= reach;
    near *expected = memory(count * sizeof *expected, sizeof(double));
    for (size_t i = 0; i < count; i++) {
        double argument = ((double)x[i] - shift) * scale, value = exp(argument);
        expected[i] = (near){value, value > 0x1.fffffep127 ? 0 : value * (5 + 1.01 * fabs(argument)) * 0x1p-24 + 0x1p-149};
        if (value > 0x1.fffffep127) expected[i].value = INFINITY;
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        float *values = unwritten(count), *over = copied(x, count);
        double total = tables[t]->exponentials(x, count, shift, scale, values), sum = 0;
        tables[t]->exponentials(over, count, shift, scale, over);
        compare_near(tables[t]->name, values, expected, count);
        compare_floats(over, values, count);
        // Sixteen terms a lane are added in f32, and the lanes: at most 20 roundings.
        for (size_t i = 0; i < count; i++) sum += values[i];
        if (!(fabs(total - sum) <= 20 * 0x1p-24 * sum || total == sum))
            fail("the sum is %.9g, expected %.9g (%s)", total, sum, tables[t]->name);
    }
    end();
}

static void check_softmax(size_t count, float reach) {
    begin("softmax of %zu, up to %g", count, reach);
    float *x = random_floats(count), scale = 0.7f;
    for (size_t i = 0; i < count; i++) x[i] *= reach;
    if (count > 4) x[random_below(count)] = -INFINITY;
    double largest = -INFINITY, total = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, x[i]);
    near *expected = memory(count * sizeof *expected, sizeof(double));
    for (size_t i = 0; i < count; i++) {
        // The argument is rounded twice; its error counts in the sum, too, weighted: at most twice that of the largest that is not 0.
        double argument = (x[i] - largest) * (double)scale, value = exp(argument);
        expected[i] = (near){value, isinf(argument) ? 0 : 2 * fabs(argument) + 4};
        total += value;
    }
    double weighted = 0;
    for (size_t i = 0; i < count; i++) weighted += expected[i].value * expected[i].error / total;
    for (size_t i = 0; i < count; i++) {
        double value = expected[i].value / total;
        // The sum's 20 roundings, the factor's and the product's.
        expected[i] = (near){value, value * (expected[i].error + weighted + 22) * 0x1.01p-24 + 2 * 0x1p-149};
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        float *values = unwritten(count), *over = copied(x, count);
        tables[t]->softmax(x, count, scale, values);
        tables[t]->softmax(over, count, scale, over);
        compare_near(tables[t]->name, values, expected, count);
        compare_floats(over, values, count);
    }
    end();
}

static void check_special_rows(void) {
    static const float special[] = {0, -0.0f, -INFINITY, INFINITY, NAN, -1000, 1000, 88.7f, -87.3f, -103.9f, -104.6f, 0x1p-149f};
    enum { SPECIAL = sizeof special / sizeof *special };
    for (size_t pad = 0; pad < 70; pad++) {
        begin("exponentials and softmax of special values from place %zu", pad);
        size_t count = SPECIAL + pad;
        float *x = random_floats(count);
        memcpy(x + pad, special, sizeof special);
        near *expected = memory(count * sizeof *expected, sizeof(double));
        for (size_t i = 0; i < count; i++) {
            double value = exp((double)x[i]);
            expected[i] = (near){value > 0x1.fffffep127 ? INFINITY : value, 2 * value * 0x1p-23 + 0x1p-149};
        }
        float *values = unwritten(count), *plain = unwritten(count);
        double total = tested->exponentials(x, count, 0, 1, values);
        compare_near(tested->name, values, expected, count);
        if (!isnan(total)) fail("the sum with NaN is %g", total);
        // One is infinite: all are NaN. None but NaN and −∞, too.
        tested->softmax(x, count, 1, values);
        monge_kernels_plain.softmax(x, count, 1, plain);
        compare_floats(values, plain, count);
        for (size_t i = 0; i < count; i++) x[i] = -INFINITY;
        tested->softmax(x, count, 1, values);
        monge_kernels_plain.softmax(x, count, 1, plain);
        compare_floats(values, plain, count);
        end();
    }
}

void check_selection(void) {
    for (size_t count = 1; count < 300; count += count < 80 ? 1 : 13)
        for (int i = 0; i < 6; i++) check_choice(count);
    for (size_t count = 1; count < 140; count++) {
        check_token_weights(count, 10, 1);
        check_token_weights(count, 60, 1.25f);
        check_token_weights(count, 3, INFINITY);
    }
    check_token_weights(20001, 20, 0.1f);
    for (size_t count = 0; count < 140; count++) {
        check_exponentials(count, 10, 0.5f, 1.5f);
        if (count > 0) check_softmax(count, 30);
    }
    check_exponentials(40001, 110, 0, 1);
    check_exponentials(40001, 0.01f, 0, 1);
    check_softmax(20001, 60);
    check_special_rows();
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
    if (x == y) return (signbit(x) == 0) - (signbit(y) == 0);
    return x < y ? -1 : 1;
}

static void check_columns(size_t rows, size_t channels) {
    begin("sorted columns, %zu rows of %zu", rows, channels);
    float *x = row_with_ties(rows * channels), *output = unwritten(rows * channels), *column = unwritten(rows);
    for (size_t first = 0; first < channels; first += MONGE_SORTED_COLUMNS) {
        size_t end = first + MONGE_SORTED_COLUMNS < channels ? first + MONGE_SORTED_COLUMNS : channels;
        monge_sort_columns(x, rows, channels, first, end, memory(4 * monge_sort_scratch(rows), 4), output);
    }
    for (size_t c = 0; c < channels; c++) {
        for (size_t row = 0; row < rows; row++) column[row] = x[row * channels + c];
        qsort(column, rows, sizeof *column, ascending);
        for (size_t row = 0; row < rows; row++) compare_floats(&output[row * channels + c], &column[row], 1);
    }
    end();
}

static void count_task(void *context, size_t index, int thread) {
    (void)thread;
    __atomic_fetch_add((int *)context + index, 1, __ATOMIC_RELAXED);
}

// Every task of every region is done once, and before the region ends, whatever the caller says it will read.
static void check_pool(int threads) {
    begin("a pool of %d threads", threads);
    enum { TASKS = 37 };
    monge_pool *pool = monge_pool_create(threads);
    for (int region = 0; region < 300; region++) {
        int done[TASKS] = {0};
        size_t count = random_below(TASKS + 1);
        // Of one's own, of nobody, and none.
        if (random_below(2)) monge_pool_expect(pool, (monge_stretch){(uintptr_t)done, sizeof done}, (monge_stretch){4096, random_below(9000)});
        monge_pool_run(pool, count, count_task, done);
        for (size_t i = 0; i < TASKS; i++)
            if (__atomic_load_n(&done[i], __ATOMIC_RELAXED) != (i < count)) fail("task %zu was done %d times", i, done[i]);
    }
    monge_pool_destroy(pool);
    end();
}

void check_columns_and_pool(void) {
    for (size_t rows = 1; rows < 200; rows += 1 + random_below(20)) check_columns(rows, 1 + random_below(40));
    for (int threads = 1; threads <= 4; threads++) check_pool(threads);
}
