// Elementwise functions in f32 and f16, and rotations.
#include <float.h>
#include <string.h>

#include "check.h"

static const char *const kinds[] = {"activation", "scale", "clamp", "add", "subtract", "multiply", "gated product", "multiply-add"};
static const size_t operand_counts[] = {1, 1, 1, 2, 2, 2, 2, 3};

static const float special[] = {
    0.0f,  -0.0f,  INFINITY, -INFINITY, NAN,     0x1p-149f, -0x1p-149f, 0x1.8p-130f, -0x1p-126f, 1e-30f,  -1e-20f, 0x1p-24f,
    0.625f, -0.625f, 1,      -1,        2.5f,    -2.5f,     8.5f,       -8.5f,       9.1f,       -13.5f,  20,      -20,
    87.3f, -87.4f, 88.5f,    -88.8f,    103.9f,  -104.1f,   200,        -200,        1000,       -1000,   60000,   -60000,
    1e15f, -1e15f, 3e19f,    -3e19f,    FLT_MAX, -FLT_MAX,
};
enum { SPECIAL = sizeof special / sizeof *special };

// The operands need only be some numbers that f16 has; how they are rounded is the business of the checks of weights.
static uint16_t some_half(float x) {
    uint16_t bits;
    monge_kernels_plain.encode(MONGE_F16, &x, 1, (uint8_t *)&bits);
    return bits;
}

// Where no rounding is left to the order or to fusing, tables agree bit for bit.
static bool is_same_everywhere(const monge_function *function) {
    bool exact = function->activation == MONGE_IDENTITY || function->activation == MONGE_RELU;
    switch (function->kind) {
    case MONGE_FUNCTION_ACTIVATION:
    case MONGE_FUNCTION_GATED_PRODUCT: return exact;
    case MONGE_FUNCTION_SCALE:
    case MONGE_FUNCTION_MULTIPLY_ADD: return false;
    default: return true;
    }
}

static near near_function(const monge_function *function, float a, float b, float c) {
    switch (function->kind) {
    case MONGE_FUNCTION_ACTIVATION: return near_activation(function->activation, exact(a));
    case MONGE_FUNCTION_SCALE: return near_add(near_multiply(exact(function->first), exact(a)), exact(function->second));
    case MONGE_FUNCTION_CLAMP: return exact(a < function->first ? function->first : a > function->second ? function->second : a);
    case MONGE_FUNCTION_ADD: return near_add(exact(a), exact(b));
    case MONGE_FUNCTION_SUBTRACT: return near_subtract(exact(a), exact(b));
    case MONGE_FUNCTION_MULTIPLY: return near_multiply(exact(a), exact(b));
    case MONGE_FUNCTION_GATED_PRODUCT: return near_multiply(near_activation(function->activation, exact(a)), exact(b));
    case MONGE_FUNCTION_MULTIPLY_ADD:
        return near_add(near_multiply(exact(a), near_add(exact(function->first), exact(b))), exact(c));
    }
    return (near){NAN, 0};
}

// Steps are the bits of `steps`; `over` is the operand that the output lies over, or −1.
static void check_function(const monge_function *function, bool half, size_t count, unsigned steps, int over, bool specials) {
    size_t used = operand_counts[function->kind], width = half ? 2 : 4;
    begin(
        "%s, activation %d, %s, %zu %selements, steps %u, over %d", kinds[function->kind], (int)function->activation,
        half ? "f16" : "f32", count, specials ? "special " : "", steps, over);
    float *values[3];
    uint8_t *stored[3] = {NULL};
    for (size_t k = 0; k < used; k++) {
        size_t elements = steps >> k & 1 ? count : 1;
        values[k] = unwritten(elements);
        stored[k] = memory(elements * width, width);
        for (size_t i = 0; i < elements; i++) {
            values[k][i] = ldexpf(random_float(), (int)random_below(6));
            // Infinity times what is nearly 0, or rounds to it, is one thing or the other: what a gate meets is an ordinary number.
            if (specials && (k == 0 || function->kind != MONGE_FUNCTION_GATED_PRODUCT))
                values[k][i] = special[k ? random_below(SPECIAL) : i % SPECIAL];
            if (half) {
                uint16_t bits = some_half(values[k][i]);
                memcpy(stored[k] + 2 * i, &bits, 2);
                values[k][i] = half_to_float(bits);
            } else {
                memcpy(stored[k] + 4 * i, &values[k][i], 4);
            }
        }
    }
    near *expected = memory(count * sizeof *expected, sizeof(double));
    for (size_t i = 0; i < count; i++) {
        float x[3] = {0};
        for (size_t k = 0; k < used; k++) x[k] = values[k][steps >> k & 1 ? i : 0];
        expected[i] = near_function(function, x[0], x[1], x[2]);
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    uint8_t *outputs[2];
    for (int t = 0; t < 2; t++) {
        outputs[t] = memory(count * width, width);
        monge_operand operands[3] = {{NULL, 0}};
        for (size_t k = 0; k < used; k++) {
            operands[k] = (monge_operand){stored[k], steps >> k & 1};
            if (over != (int)k) continue;
            memcpy(outputs[t], stored[k], count * width);
            operands[k].start = outputs[t];
        }
        tables[t]->elementwise(function, half, operands, count, outputs[t]);
        // What overflows on the way, before something is added, overflows only where it is not fused.
        if (is_same_everywhere(function) || (specials && function->kind == MONGE_FUNCTION_MULTIPLY_ADD)) continue;
        if (half)
            compare_near_halves(tables[t]->name, (const uint16_t *)outputs[t], expected, count);
        else
            compare_near(tables[t]->name, (const float *)outputs[t], expected, count);
    }
    if (is_same_everywhere(function)) {
        if (half)
            compare_halves((const uint16_t *)outputs[0], (const uint16_t *)outputs[1], count);
        else
            compare_floats((const float *)outputs[0], (const float *)outputs[1], count);
    }
    end();
}

static void check_rotation(size_t pairs, size_t channels, bool interleaved) {
    begin("rope, %zu pairs of %zu channels%s", pairs, channels, interleaved ? ", interleaved" : "");
    float *x = random_floats(channels), *cosines = random_floats(pairs), *sines = random_floats(pairs);
    near *expected = memory(channels * sizeof *expected, sizeof(double));
    for (size_t c = 0; c < channels; c++) expected[c] = exact(x[c]);
    for (size_t i = 0; i < pairs; i++) {
        size_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : pairs + i;
        near a = exact(x[first]), b = exact(x[second]), cosine = exact(cosines[i]), sine = exact(sines[i]);
        expected[first] = near_subtract(near_multiply(a, cosine), near_multiply(b, sine));
        expected[second] = near_add(near_multiply(a, sine), near_multiply(b, cosine));
    }
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        float *output = unwritten(channels), *over = copied(x, channels);
        tables[t]->rope(x, cosines, sines, pairs, channels, interleaved, output);
        tables[t]->rope(over, cosines, sines, pairs, channels, interleaved, over);
        compare_near(tables[t]->name, output, expected, channels);
        compare_floats(over, output, channels);
    }
    end();
}

void check_functions(void) {
    for (int kind = 0; kind <= MONGE_FUNCTION_MULTIPLY_ADD; kind++) {
        bool activates = kind == MONGE_FUNCTION_ACTIVATION || kind == MONGE_FUNCTION_GATED_PRODUCT;
        for (int activation = 0; activation <= (activates ? MONGE_TANH : MONGE_IDENTITY); activation++) {
            monge_function function = {
                .kind = (monge_function_kind)kind, .activation = (monge_activation)activation, .first = -0.4f, .second = 0.7f};
            for (int half = 0; half < 2; half++) {
                for (size_t count = 0; count < 70; count += 1 + random_below(4)) {
                    unsigned steps = random_bits() & 7;
                    int over = (int)random_below(operand_counts[kind]);
                    check_function(&function, half, count, steps, steps >> over & 1 ? over : -1, false);
                }
                check_function(&function, half, 4097, 7, -1, false);
                for (size_t count = SPECIAL; count < SPECIAL + 30; count += 7) check_function(&function, half, count, 7, -1, true);
            }
        }
    }
    for (size_t pairs = 0; pairs < 40; pairs++)
        for (int interleaved = 0; interleaved < 2; interleaved++) check_rotation(pairs, 2 * pairs + random_below(5), interleaved);
}
