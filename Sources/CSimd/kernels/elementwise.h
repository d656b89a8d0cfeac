// Functions of up to three operands, each a run of elements or one element for all.

#define OPERAND(k, LOAD) (steps[k] ? LOAD : fixed[k])

// `EXPRESSION` is in a, b and c, of which COUNT are operands, and in `first` and `second`.
#define DEFINE_FUNCTION(NAME, COUNT, EXPRESSION)                                                                     \
    static void apply_##NAME(                                                                                        \
        const monge_function *function, const float *const *operands, const size_t *steps, size_t count, float *output) { \
        vfloat fixed[COUNT];                                                                                         \
        for (int k = 0; k < COUNT; k++) fixed[k] = splat(*operands[k]);                                              \
        vfloat first = splat(function->first), second = splat(function->second);                                     \
        (void)first, (void)second;                                                                                   \
        for (size_t i = 0; i < count; i += LANES) {                                                                  \
            size_t rest = count - i;                                                                                 \
            vfloat x[3];                                                                                             \
            if (rest >= LANES)                                                                                       \
                for (int k = 0; k < COUNT; k++) x[k] = OPERAND(k, load(operands[k] + i));                            \
            else                                                                                                     \
                for (int k = 0; k < COUNT; k++) x[k] = OPERAND(k, load_part(operands[k] + i, rest));                 \
            vfloat a = x[0], b = x[COUNT > 1 ? 1 : 0], c = x[COUNT > 2 ? 2 : 0];                                     \
            (void)b, (void)c;                                                                                        \
            if (rest >= LANES)                                                                                       \
                store(output + i, EXPRESSION);                                                                       \
            else                                                                                                     \
                store_part(output + i, EXPRESSION, rest);                                                            \
        }                                                                                                            \
    }

DEFINE_FUNCTION(scale, 1, fused(first, a, second))
DEFINE_FUNCTION(clamp, 1, choose(a < first, first, choose(a > second, second, a)))
DEFINE_FUNCTION(add, 2, a + b)
DEFINE_FUNCTION(subtract, 2, a - b)
DEFINE_FUNCTION(multiply, 2, a *b)
DEFINE_FUNCTION(multiply_add, 3, fused(a, first + b, c))

#define FOR_EACH_ACTIVATION(DO)   \
    DO(identity, MONGE_IDENTITY)  \
    DO(silu, MONGE_SILU)          \
    DO(gelu, MONGE_GELU)          \
    DO(gelu_tanh, MONGE_GELU_TANH) \
    DO(gelu_quick, MONGE_GELU_QUICK) \
    DO(relu, MONGE_RELU)          \
    DO(sigmoid, MONGE_SIGMOID)    \
    DO(tanh, MONGE_TANH)

#define DEFINE_ACTIVATIONS(NAME, WHICH)                \
    DEFINE_FUNCTION(NAME, 1, activated(WHICH, a))      \
    DEFINE_FUNCTION(gated_##NAME, 2, activated(WHICH, a) * b)
FOR_EACH_ACTIVATION(DEFINE_ACTIVATIONS)

#define CASE_ACTIVATION(NAME, WHICH) \
    case WHICH: apply_##NAME(function, operands, steps, count, output); break;
#define CASE_GATED(NAME, WHICH) \
    case WHICH: apply_gated_##NAME(function, operands, steps, count, output); break;

static void elementwise(
    const monge_function *function, const float *const operands[3], const size_t steps[3], size_t count, float *output) {
    switch (function->kind) {
    case MONGE_FUNCTION_ACTIVATION:
        switch (function->activation) { FOR_EACH_ACTIVATION(CASE_ACTIVATION) }
        break;
    case MONGE_FUNCTION_GATED_PRODUCT:
        switch (function->activation) { FOR_EACH_ACTIVATION(CASE_GATED) }
        break;
    case MONGE_FUNCTION_SCALE: apply_scale(function, operands, steps, count, output); break;
    case MONGE_FUNCTION_CLAMP: apply_clamp(function, operands, steps, count, output); break;
    case MONGE_FUNCTION_ADD: apply_add(function, operands, steps, count, output); break;
    case MONGE_FUNCTION_SUBTRACT: apply_subtract(function, operands, steps, count, output); break;
    case MONGE_FUNCTION_MULTIPLY: apply_multiply(function, operands, steps, count, output); break;
    case MONGE_FUNCTION_MULTIPLY_ADD: apply_multiply_add(function, operands, steps, count, output); break;
    }
}

// Both of a pair are read before either is written.
INLINE void turn(vfloat a, vfloat b, vfloat cosine, vfloat sine, vfloat *first, vfloat *second) {
    *first = fused(a, cosine, -(b * sine));
    *second = fused(a, sine, b * cosine);
}

static void rope(
    const float *x, const float *cosines, const float *sines, size_t pairs, size_t channels, bool interleaved, float *output) {
    vfloat first, second;
    for (size_t i = 0; i < pairs; i += LANES) {
        size_t count = pairs - i < LANES ? pairs - i : LANES;
        bool whole = count == LANES;
        vfloat cosine = whole ? load(cosines + i) : load_part(cosines + i, count);
        vfloat sine = whole ? load(sines + i) : load_part(sines + i, count);
        if (!interleaved) {
            vfloat a = whole ? load(x + i) : load_part(x + i, count);
            vfloat b = whole ? load(x + pairs + i) : load_part(x + pairs + i, count);
            turn(a, b, cosine, sine, &first, &second);
            if (whole) {
                store(output + i, first);
                store(output + pairs + i, second);
            } else {
                store_part(output + i, first, count);
                store_part(output + pairs + i, second, count);
            }
        } else {
            float pair[2 * LANES] = {0};
            memcpy(pair, x + 2 * i, 2 * count * sizeof(float));
            vfloat low = load(pair), high = load(pair + LANES);
            turn(SHUFFLE(low, high, EVENS), SHUFFLE(low, high, ODDS), cosine, sine, &first, &second);
            store(pair, SHUFFLE(first, second, INTERLEAVE_LOW));
            store(pair + LANES, SHUFFLE(first, second, INTERLEAVE_HIGH));
            memcpy(output + 2 * i, pair, 2 * count * sizeof(float));
        }
    }
    if (output != x) memcpy(output + 2 * pairs, x + 2 * pairs, (channels - 2 * pairs) * sizeof(float));
}
