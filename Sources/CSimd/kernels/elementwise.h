// Functions of up to three operands, each a run of elements or one element for all, in f32 or f16.

// `EXPRESSION` is in a, b and c, of which COUNT are operands, and in `first` and `second`.
#define DEFINE_FUNCTION(NAME, COUNT, EXPRESSION)                                                                       \
    INLINE void apply_##NAME(                                                                                          \
        const monge_function *function, bool half, const monge_operand *operands, size_t count, void *output) {        \
        vwide repeated[COUNT], first = (vwide){0} + function->first, second = (vwide){0} + function->second;           \
        (void)first, (void)second;                                                                                     \
        for (int k = 0; k < COUNT; k++)                                                                                \
            if (!operands[k].step) repeated[k] = (vwide){0} + load_element(operands[k].start, half);                   \
        for (size_t i = 0; i < count; i += WIDE_LANES) {                                                               \
            size_t rest = count - i;                                                                                   \
            vwide x[COUNT];                                                                                            \
            for (int k = 0; k < COUNT; k++)                                                                            \
                x[k] = operands[k].step ? load_run(element(operands[k].start, i, half), rest, half) : repeated[k];     \
            vwide a = x[0], b = x[COUNT > 1 ? 1 : 0], c = x[COUNT > 2 ? 2 : 0];                                        \
            (void)b, (void)c;                                                                                          \
            store_run(element_place(output, i, half), EXPRESSION, rest, half);                                         \
        }                                                                                                              \
    }                                                                                                                  \
    static void NAME##_singles(const monge_function *function, const monge_operand *operands, size_t count, void *output) { \
        apply_##NAME(function, false, operands, count, output);                                                        \
    }                                                                                                                  \
    static void NAME##_halves(const monge_function *function, const monge_operand *operands, size_t count, void *output) { \
        apply_##NAME(function, true, operands, count, output);                                                         \
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

// The function that is called for a case of a switch.
#define CASE(NAME, WHICH) \
    case WHICH: (half ? NAME##_halves : NAME##_singles)(function, operands, count, output); break;
#define CASE_GATED(NAME, WHICH) CASE(gated_##NAME, WHICH)

static void elementwise(
    const monge_function *function, bool half, const monge_operand operands[3], size_t count, void *output) {
    switch (function->kind) {
    case MONGE_FUNCTION_ACTIVATION:
        switch (function->activation) { FOR_EACH_ACTIVATION(CASE) }
        break;
    case MONGE_FUNCTION_GATED_PRODUCT:
        switch (function->activation) { FOR_EACH_ACTIVATION(CASE_GATED) }
        break;
        CASE(scale, MONGE_FUNCTION_SCALE)
        CASE(clamp, MONGE_FUNCTION_CLAMP)
        CASE(add, MONGE_FUNCTION_ADD)
        CASE(subtract, MONGE_FUNCTION_SUBTRACT)
        CASE(multiply, MONGE_FUNCTION_MULTIPLY)
        CASE(multiply_add, MONGE_FUNCTION_MULTIPLY_ADD)
    }
}

static void activate(monge_activation activation, float *values, size_t count) {
    if (activation == MONGE_IDENTITY) return;
    monge_function function = {.kind = MONGE_FUNCTION_ACTIVATION, .activation = activation};
    monge_operand operands[3] = {{values, 1}};
    elementwise(&function, false, operands, count, values);
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
