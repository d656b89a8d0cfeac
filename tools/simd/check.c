#include "check.h"

#include <float.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const monge_kernels *tested;

static char name[512];
static size_t cases, failed;
static bool failed_here;

void begin(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    failed_here = false;
    cases++;
}

// One line for each case: what is wrong with one element is wrong with many.
void fail(const char *format, ...) {
    if (failed_here) return;
    failed_here = true;
    if (++failed > 40) return;
    printf("%s: %s: ", tested->name, name);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

size_t cases_done(void) { return cases; }
size_t failures(void) { return failed; }

static void crashed(int number) {
    static const char text[] = ": memory was touched that is not the kernel's\n";
    (void)!write(STDOUT_FILENO, tested->name, strlen(tested->name));
    (void)!write(STDOUT_FILENO, ": ", 2);
    (void)!write(STDOUT_FILENO, name, strlen(name));
    (void)!write(STDOUT_FILENO, text, sizeof text - 1);
    _exit(128 + number);
}

void watch_for_crashes(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, crashed);
    signal(SIGBUS, crashed);
}

// A NaN whose payload no operation makes.
static const uint32_t POISON = 0x7fd0dead;
static const uint8_t CANARY = 0xa5;

enum { MOST_BLOCKS = 4096, FRONT = 256 };

static struct {
    uint8_t *pages;
    size_t length;
    uint8_t *start;
    size_t bytes;
    uint8_t *barrier;
} blocks[MOST_BLOCKS];
static size_t block_count;

void *memory(size_t bytes, size_t alignment) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), rounded = (bytes + alignment - 1) / alignment * alignment;
    size_t usable = (rounded + FRONT + page - 1) / page * page;
    uint8_t *pages = mmap(NULL, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + usable, page, PROT_NONE) != 0 || block_count == MOST_BLOCKS) {
        puts("check: out of memory");
        exit(2);
    }
    memset(pages, CANARY, usable);
    uint8_t *start = pages + usable - rounded;
    for (size_t i = 0; i + sizeof POISON <= bytes; i += sizeof POISON) memcpy(start + i, &POISON, sizeof POISON);
    blocks[block_count].pages = pages;
    blocks[block_count].length = usable + page;
    blocks[block_count].start = start;
    blocks[block_count].bytes = bytes;
    blocks[block_count++].barrier = pages + usable;
    return start;
}

void end(void) {
    for (size_t i = 0; i < block_count; i++) {
        for (const uint8_t *p = blocks[i].start - FRONT; p < blocks[i].start; p++)
            if (*p != CANARY) fail("%td bytes before the memory of %zu were written", blocks[i].start - p, blocks[i].bytes);
        for (const uint8_t *p = blocks[i].start + blocks[i].bytes; p < blocks[i].barrier; p++)
            if (*p != CANARY) fail("memory behind that of %zu bytes was written", blocks[i].bytes);
        munmap(blocks[i].pages, blocks[i].length);
    }
    block_count = 0;
}

float *unwritten(size_t count) { return memory(count * sizeof(float), sizeof(float)); }
float *aligned(size_t count) { return memory(count * sizeof(float), 64); }

// xorshift64* (Vigna 2016), the same numbers in every run.
uint32_t random_bits(void) {
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 0x2545f4914f6cdd1d >> 32);
}

size_t random_below(size_t bound) { return random_bits() % bound; }
float random_float(void) { return (float)(int32_t)random_bits() * 0x1p-31f; }

float *random_floats(size_t count) {
    float *values = unwritten(count);
    for (size_t i = 0; i < count; i++) values[i] = random_float();
    return values;
}

float *copied(const float *values, size_t count) {
    float *copy = unwritten(count);
    memcpy(copy, values, count * sizeof(float));
    return copy;
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

void compare_floats(const float *result, const float *plain, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t a = bits_of(result[i]), b = bits_of(plain[i]);
        if (a == POISON || b == POISON) fail("element %zu of %zu was not written", i, count);
        if (a != b && !(isnan(result[i]) && isnan(plain[i])))
            fail("element %zu of %zu is %.9g (%08x), plain %.9g (%08x)", i, count, result[i], a, plain[i], b);
    }
}

void compare_halves(const uint16_t *result, const uint16_t *plain, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (result[i] != plain[i] && !((result[i] & 0x7fff) > 0x7c00 && (plain[i] & 0x7fff) > 0x7c00))
            fail("element %zu of %zu is %04x, plain %04x", i, count, result[i], plain[i]);
}

void compare_bytes(const void *result, const void *plain, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (((const uint8_t *)result)[i] != ((const uint8_t *)plain)[i]) fail("byte %zu of %zu differs from plain's", i, bytes);
}

// The reference's arithmetic. The unit round-off, a part more for what products of bounds add; and, where results are subnormal, half
// their spacing, twice since tables may do in two operations what is one here.
static const double UNIT = 0x1.01p-24, TINY = 0x1p-149;

near exact(float x) { return (near){x, 0}; }

static near rounded(double value, double error) { return (near){value, error + UNIT * (fabs(value) + error) + TINY}; }

near near_add(near a, near b) { return rounded(a.value + b.value, a.error + b.error); }
near near_subtract(near a, near b) { return rounded(a.value - b.value, a.error + b.error); }

near near_multiply(near a, near b) {
    return rounded(a.value * b.value, fabs(a.value) * b.error + fabs(b.value) * a.error + a.error * b.error);
}

near near_divide(near a, near b) {
    double value = a.value / b.value;
    return rounded(value, (a.error + fabs(value) * b.error) / (fabs(b.value) - b.error));
}

near near_square_root(near a) {
    double value = sqrt(a.value);
    return rounded(value, value > 0 ? a.error / value : 0);
}

void add_term(near *sum, double a, double b) {
    sum->value += a * b;
    sum->error += fabs(a * b);
}

near rounded_sum(near sum, size_t roundings) {
    return (near){sum.value, sum.error * (double)roundings * UNIT + TINY * (double)roundings};
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

// A kernel's exponential is within 2 ulp, at most 4u, of that of its argument. Behind it come an addition, a division, a product.
near near_activation(monge_activation activation, near x) {
    double v = x.value, y = 0, roundings = 0, slope = 1.13;
    // Of −∞ the limit.
    bool vanishes = activation == MONGE_SILU || activation == MONGE_GELU || activation == MONGE_GELU_TANH || activation == MONGE_GELU_QUICK;
    if (v == -INFINITY && vanishes) return (near){0, 0x1p-149};
    switch (activation) {
    case MONGE_IDENTITY: return x;
    case MONGE_RELU: return v < 0 ? (near){x.error > -v ? v + x.error : 0, x.error > -v ? x.error : 0} : x;
    case MONGE_SILU:
        y = v * logistic(v);
        roundings = 8;
        break;
    case MONGE_GELU:
        // ½·x·erfc: the square's rounding, half of which the exponential sees, is put back only where it is fused. The polynomial's
        // coefficients are all but one smaller than what they add up to: five units where fused, ten where not. For x > 0 the error is
        // that of a small tail, Φ(−x)·x²/2 < 1; alike below, where σ(−u)·u < 0.3.
        y = v * 0.5 * erfc(-v * M_SQRT1_2);
        roundings = 22 + (v < 0 ? v * v / 2 : 1);
        break;
    case MONGE_GELU_TANH: {
        double u = (double)1.5957691216057308f * (v + (double)0.044715f * v * v * v);
        y = v * logistic(u);
        roundings = 8 + (v < 0 ? 6 * -u : 2);
        break;
    }
    case MONGE_GELU_QUICK:
        y = v * logistic((double)1.702f * v);
        roundings = 8 + (v < 0 ? 2 * -v : 1);
        break;
    case MONGE_SIGMOID:
        y = logistic(v);
        roundings = 7;
        slope = 0.25;
        break;
    case MONGE_TANH:
        // Either a polynomial or 1 − 2/(e²ˣ + 1), of which the quotient is smaller than the result.
        y = tanh(v);
        roundings = 10;
        slope = 1;
        break;
    }
    // What underflows is, at most, multiplied by x afterwards.
    return (near){y, slope * x.error + roundings * UNIT * fabs(y) + (2 + fabs(fmin(fabs(v), 200))) * 4 * TINY};
}

near near_transport(const monge_transport *transport, size_t row, size_t channel, near x) {
    if (!transport->table) return x;
    int32_t index = transport->indices[row / transport->rows_per_index];
    float strength = transport->strengths[row / transport->rows_per_strength];
    if (index <= 0 || (size_t)index >= transport->maps || strength == 0) return x;
    const float *map = transport->table + ((size_t)index * transport->channels + channel) * 4;
    // Surely outside, where x stays what it is.
    if (!(x.value > map[2] - x.error && x.value < map[3] + x.error) || (x.error == 0 && !(x.value > map[2] && x.value < map[3]))) return x;
    near target = near_add(near_multiply(exact(map[0]), x), exact(map[1]));
    // The error of x itself counts once in the difference and once outside: x·(1 − λ) is not known to be so.
    near moved = near_add(near_multiply(exact(strength), near_subtract(target, x)), x);
    bool inside = x.value > map[2] + x.error && x.value < map[3] - x.error;
    if (!inside && x.error > 0) moved.error += fabs(moved.value - x.value) + x.error;
    return moved;
}

void compare_near(const char *table, const float *result, const near *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double value = expected[i].value, error = expected[i].error;
        if (bits_of(result[i]) == POISON) fail("element %zu of %zu was not written (%s)", i, count, table);
        if (isnan(value) && isnan(result[i])) continue;
        // What is too large for f32 is infinite, of the same sign.
        if (isinf(result[i]) && result[i] * value > 0 && !(fabs(value) + error <= FLT_MAX)) continue;
        bool same = error == 0 ? bits_of(result[i]) == bits_of((float)value) : fabs(result[i] - value) <= error;
        if (!same) fail("element %zu of %zu is %.9g, expected %.9g within %.3g (%s)", i, count, result[i], value, error, table);
    }
}

float half_to_float(uint16_t bits) {
    double significand = bits & 0x3ff, sign = bits & 0x8000 ? -1 : 1;
    int exponent = bits >> 10 & 31;
    if (exponent == 31) return significand ? NAN : (float)(sign * INFINITY);
    return (float)(sign * (exponent ? ldexp(significand + 1024, exponent - 25) : ldexp(significand, -24)));
}

// Rounding to f16 adds 2⁻¹¹ of the result, or half the spacing of subnormal numbers.
void compare_near_halves(const char *table, const uint16_t *result, const near *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double value = expected[i].value, error = expected[i].error, actual = half_to_float(result[i]);
        error += (fabs(value) + error) * 0x1p-11 + 0x1p-25;
        if (isnan(value) && isnan(actual)) continue;
        // From 65520 on, numbers round to infinity.
        if (isinf(actual) && actual * value > 0 && !(fabs(value) + error < 65520)) continue;
        if (!(fabs(actual - value) <= error))
            fail("element %zu of %zu is %.9g, expected %.9g within %.3g (%s)", i, count, actual, value, error, table);
    }
}

const char *const weight_names[MONGE_WEIGHT_TYPES] = {
    "f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_K", "q5_K", "q6_K",
};

static const struct {
    size_t elements;
    size_t bytes;
    // Where the f16 numbers lie, −1 for none.
    int scale;
    int offset;
} layouts[MONGE_WEIGHT_TYPES] = {
    {1, 4, -1, -1},  {1, 2, -1, -1},  {1, 2, -1, -1},  {32, 18, 0, -1},  {32, 20, 0, 2},    {32, 22, 0, -1},
    {32, 24, 0, 2},  {32, 34, 0, -1}, {256, 144, 0, 2}, {256, 176, 0, 2}, {256, 210, 208, -1},
};

size_t weight_block(monge_weight_type type) { return layouts[type].elements; }
size_t weight_row_bytes(monge_weight_type type, size_t inputs) { return inputs / layouts[type].elements * layouts[type].bytes; }

uint8_t *random_weights(monge_weight_type type, size_t rows, size_t inputs) {
    size_t bytes = rows * weight_row_bytes(type, inputs), block = layouts[type].bytes;
    uint8_t *weights = memory(bytes, layouts[type].elements > 1 ? 1 : block);
    for (size_t i = 0; i < bytes; i++) weights[i] = (uint8_t)random_bits();
    for (size_t i = 0; i < bytes; i += block) {
        float number = random_float();
        // A random sign, significand and low bits of the exponent: 2⁻¹⁴ to 2 in size.
        uint16_t half = (uint16_t)(random_bits() & 0xbfff), small = (uint16_t)(0x1c00 | (random_bits() & 0x83ff));
        if (type == MONGE_F32) memcpy(weights + i, &number, 4);
        if (type == MONGE_F16) memcpy(weights + i, &half, 2);
        if (type == MONGE_BF16) memcpy(weights + i, (uint8_t *)&number + 2, 2);
        if (layouts[type].scale >= 0) memcpy(weights + i + layouts[type].scale, &small, 2);
        small ^= 0x8155;
        if (layouts[type].offset >= 0) memcpy(weights + i + layouts[type].offset, &small, 2);
    }
    return weights;
}

monge_transport random_transport(size_t channels, size_t rows, size_t rows_per_index, size_t rows_per_strength) {
    enum { MAPS = 4 };
    float *table = random_floats(MAPS * channels * 4), *strengths = unwritten(rows / rows_per_strength + 1);
    int32_t *indices = memory((rows / rows_per_index + 1) * sizeof(int32_t), sizeof(int32_t));
    for (size_t map = 0; map < MAPS; map++)
        for (size_t c = 0; c < channels; c++) {
            float *entry = table + (map * channels + c) * 4;
            bool limited = map == 3;
            entry[2] = limited ? -0.75f * fabsf(random_float()) : -INFINITY;
            entry[3] = limited ? 0.75f * fabsf(random_float()) : INFINITY;
        }
    for (size_t i = 0; i <= rows / rows_per_index; i++) indices[i] = (int32_t)random_below(MAPS + 2) - 1;
    for (size_t i = 0; i <= rows / rows_per_strength; i++) strengths[i] = random_below(5) ? random_float() : 0;
    return (monge_transport){table, MAPS, channels, indices, strengths, rows_per_index, rows_per_strength};
}

monge_epilogue random_epilogue(size_t channels, size_t rows, bool pieces) {
    monge_epilogue epilogue = {.channels = channels};
    if (!pieces) return epilogue;
    if (random_below(2)) epilogue.bias = random_floats(channels);
    epilogue.activation = (monge_activation)random_below(MONGE_TANH + 1);
    if (random_below(2)) epilogue.transport = random_transport(channels, rows, 1 + random_below(2), 1 + random_below(3));
    if (random_below(2)) epilogue.residual = random_floats(rows * channels);
    return epilogue;
}

near near_epilogue(const monge_epilogue *epilogue, size_t row, size_t channel, near sum) {
    if (epilogue->bias) sum = near_add(sum, exact(epilogue->bias[channel]));
    sum = near_activation(epilogue->activation, sum);
    sum = near_transport(&epilogue->transport, row, channel, sum);
    if (epilogue->residual) sum = near_add(sum, exact(epilogue->residual[row * epilogue->channels + channel]));
    return sum;
}
