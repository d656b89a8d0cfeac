#define DEFINE_GATED(NAME, WHICH)                                                                                  \
    static void gated_##NAME(const float *gate, const float *up, size_t count, float *output) {                    \
        size_t i = 0;                                                                                              \
        for (; i + LANES <= count; i += LANES) store(output + i, activated(WHICH, load(gate + i)) * load(up + i)); \
        if (i < count) {                                                                                           \
            size_t rest = count - i;                                                                               \
            store_part(output + i, activated(WHICH, load_part(gate + i, rest)) * load_part(up + i, rest), rest);   \
        }                                                                                                          \
    }

DEFINE_GATED(identity, MONGE_IDENTITY)
DEFINE_GATED(silu, MONGE_SILU)
DEFINE_GATED(gelu, MONGE_GELU)
DEFINE_GATED(gelu_tanh, MONGE_GELU_TANH)
DEFINE_GATED(gelu_quick, MONGE_GELU_QUICK)
DEFINE_GATED(relu, MONGE_RELU)

static void gated_product(monge_activation activation, const float *gate, const float *up, size_t count, float *output) {
    switch (activation) {
    case MONGE_IDENTITY: gated_identity(gate, up, count, output); break;
    case MONGE_SILU: gated_silu(gate, up, count, output); break;
    case MONGE_GELU: gated_gelu(gate, up, count, output); break;
    case MONGE_GELU_TANH: gated_gelu_tanh(gate, up, count, output); break;
    case MONGE_GELU_QUICK: gated_gelu_quick(gate, up, count, output); break;
    case MONGE_RELU: gated_relu(gate, up, count, output); break;
    }
}

static void add(const float *a, const float *b, size_t count, float *output) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(output + i, load(a + i) + load(b + i));
    for (; i < count; i++) output[i] = a[i] + b[i];
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
