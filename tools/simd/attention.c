// Attention: of few queries and of many, keys in f32 and f16, whatever hides or adds to scores.
#include <string.h>

#include "check.h"

typedef struct {
    size_t queries, group, keys, channels;
    bool half, causal, biased;
    size_t window;
    float soft_cap;
} attention_case;

// A lane's scores, its weights, and the weighted mean of the values. Scores err by the roundings of their sum and of what is done to them.
// All weights are relative to one largest score, whose error cancels; its distance to a score is rounded within a block and once
// more where blocks are folded. A weight's error, relative, counts in the mean's numerator and in its denominator.
static void expected_lane(
    const attention_case *c, const monge_attention *a, const float *keys, const float *values, size_t lane, near *expected) {
    size_t query = lane / c->group, head = lane % c->group, first = 0, end = c->keys;
    const float *q = a->queries + query * a->query_stride + head * c->channels;
    if (c->causal) {
        ptrdiff_t seen = (ptrdiff_t)(c->keys + query + 1) - (ptrdiff_t)c->queries;
        end = seen > 0 ? (size_t)seen : 0;
        if (c->window && end > c->window) first = end - c->window;
    }
    near scores[1024];
    double largest = -INFINITY;
    for (size_t key = first; key < end; key++) {
        near score = {0, 0};
        for (size_t i = 0; i < c->channels; i++) add_term(&score, q[i], keys[key * a->key_stride + i]);
        score = near_multiply(rounded_sum(score, c->channels + 8), exact(a->scale));
        if (c->soft_cap > 0) {
            near inner = near_divide(score, exact(c->soft_cap));
            score = near_multiply(exact(c->soft_cap), near_activation(MONGE_TANH, inner));
        }
        if (a->bias) score = near_add(score, exact(a->bias[query * a->bias_query_stride + head * a->bias_head_stride + key]));
        scores[key] = score;
        largest = fmax(largest, score.value);
    }
    size_t blocks = c->keys / MONGE_KEY_BLOCK + 2, roundings = end - first + 2 * blocks + 8;
    double total = 0, total_error = 0;
    for (size_t key = first; key < end; key++) {
        double weight = exp(scores[key].value - largest);
        double relative = scores[key].error + (2 * fabs(scores[key].value - largest) + 4 * (double)(blocks + 1)) * 0x1.01p-24;
        scores[key] = (near){weight, weight * relative * 1.01};
        total += weight;
        total_error += scores[key].error + weight * (double)roundings * 0x1.01p-24;
    }
    for (size_t i = 0; i < c->channels; i++) {
        double sum = 0, error = 0;
        for (size_t key = first; key < end; key++) {
            double value = values[key * a->key_stride + i];
            sum += scores[key].value * value;
            error += fabs(value) * (scores[key].error + scores[key].value * (double)roundings * 0x1.01p-24);
        }
        // A query that sees no key gives zeros.
        double mean = total > 0 ? sum / total : 0;
        if (total > 0) error = (error + fabs(mean) * total_error) / total * 1.01 + fabs(mean) * 0x1.01p-24;
        expected[query * a->query_stride + head * c->channels + i] = (near){mean, error + 0x1p-149};
    }
}

static void attend(const monge_kernels *kernels, const monge_attention *attention) {
    size_t panels = kernels->attention_panels(attention);
    for (size_t panel = 0; panel < panels; panel++) {
        float *packed = aligned(kernels->attention_packed(attention)), *state = aligned(kernels->attention_state(attention));
        float *next = aligned(kernels->attention_state(attention)), *scratch = aligned(kernels->attention_scratch(attention));
        size_t first, end;
        kernels->attention_blocks(attention, panel, &first, &end);
        kernels->attention_pack(attention, panel, packed);
        kernels->attention_clear(attention, panel, state);
        for (size_t block = first; block < end; block++) {
            kernels->attention_block(attention, panel, block, packed, next, scratch);
            kernels->attention_merge(attention, panel, state, next);
        }
        kernels->attention_finish(attention, panel, state);
    }
}

static void check_case(const attention_case *c) {
    begin(
        "attention, %zu queries, group of %zu, %zu keys, %zu channels%s%s%s, window %zu, cap %g", c->queries, c->group, c->keys,
        c->channels, c->half ? ", f16 keys" : "", c->causal ? ", causal" : "", c->biased ? ", bias" : "", c->window, c->soft_cap);
    size_t lanes = c->queries * c->group, key_stride = c->channels + random_below(3), query_stride = c->group * c->channels;
    size_t stored = c->keys ? (c->keys - 1) * key_stride + c->channels : 0, width = c->half ? 2 : 4;
    float *values[2];
    uint8_t *rows[2];
    for (int i = 0; i < 2; i++) {
        values[i] = random_floats(stored);
        rows[i] = memory(stored * width, width);
        if (c->half) {
            monge_kernels_plain.encode(MONGE_F16, values[i], stored, rows[i]);
            monge_kernels_plain.decode(MONGE_F16, rows[i], stored, values[i]);
        } else {
            memcpy(rows[i], values[i], stored * width);
        }
    }
    float *queries = random_floats(lanes * c->channels);
    for (size_t i = 0; i < lanes * c->channels; i++) queries[i] *= 8;
    size_t bias_stride = c->keys + random_below(3);
    monge_attention attention = {
        .queries = queries,
        .query_stride = query_stride,
        .query_count = c->queries,
        .group = c->group,
        .keys = rows[0],
        .values = rows[1],
        .half_keys = c->half,
        .key_stride = key_stride,
        .key_count = c->keys,
        .channels = c->channels,
        .scale = 1 / sqrtf((float)c->channels),
        .causal = c->causal,
        .window = c->window,
        .soft_cap = c->soft_cap,
        .bias = c->biased ? random_floats(lanes * bias_stride) : NULL,
        .bias_head_stride = bias_stride,
        .bias_query_stride = random_below(3) ? c->group * bias_stride : 0,
    };
    near *expected = memory(lanes * c->channels * sizeof *expected, sizeof(double));
    for (size_t lane = 0; lane < lanes; lane++) expected_lane(c, &attention, values[0], values[1], lane, expected);
    const monge_kernels *tables[] = {tested, &monge_kernels_plain};
    for (int t = 0; t < 2; t++) {
        attention.output = unwritten(lanes * c->channels);
        attend(tables[t], &attention);
        compare_near(tables[t]->name, attention.output, expected, lanes * c->channels);
    }
    end();
}

void check_attention(void) {
    static const size_t keys[] = {1, 2, 3, 5, 15, 17, 63, 127, 128, 129, 255, 257, 300, 400};
    static const size_t channels[] = {1, 3, 4, 5, 8, 15, 16, 20, 33, 40, 64, 80};
    for (int i = 0; i < 400; i++) {
        attention_case c = {
            .queries = 1 + random_below(i % 2 ? 8 : 25),
            .group = 1 + random_below(4),
            .keys = keys[random_below(sizeof keys / sizeof *keys)],
            .channels = channels[random_below(sizeof channels / sizeof *channels)],
            .half = i % 3 == 0,
            .causal = random_below(2),
            .biased = !random_below(3),
            .soft_cap = random_below(3) ? 0 : 5,
        };
        if (i % 2 && random_below(2)) c.queries = 1, c.group = 1 + random_below(8);
        if (c.causal && random_below(2)) c.window = 1 + random_below(150);
        check_case(&c);
    }
}
