// Rows of weights, decoded to f32.

#define DEFINE_DECODE(T)                                                                        \
    static void decode_##T(const uint8_t *row, size_t count, float *values) {                   \
        size_t blocks = count / (CHUNK * T##_chunks);                                           \
        for (size_t first = 0; first < blocks; first += T##_group) {                            \
            size_t group = blocks - first < T##_group ? blocks - first : T##_group;             \
            T##_header header;                                                                  \
            T##_open(row + first * T##_bytes, group, &header);                                  \
            for (size_t b = 0; b < group; b++)                                                  \
                _Pragma("unroll") for (int c = 0; c < T##_chunks; c++) {                        \
                    vfloat chunk[CHUNK_VECTORS];                                                \
                    T##_chunk(row + (first + b) * T##_bytes, &header, b, c, chunk);             \
                    float *place = values + ((first + b) * T##_chunks + (size_t)c) * CHUNK;     \
                    memcpy(place, chunk, sizeof chunk);                                         \
                }                                                                               \
        }                                                                                       \
    }

// Types without blocks may end within a chunk.
#define DEFINE_DECODE_PLAIN(T)                                                                      \
    DEFINE_DECODE(T)                                                                                \
    static void decode_##T##_row(const uint8_t *row, size_t count, float *values) {                 \
        size_t whole = count / CHUNK * CHUNK;                                                       \
        decode_##T(row, whole, values);                                                             \
        if (whole == count) return;                                                                 \
        uint8_t padded[T##_bytes] = {0};                                                            \
        float rest[CHUNK];                                                                          \
        memcpy(padded, row + whole / CHUNK * T##_bytes, (count - whole) * (T##_bytes / CHUNK));     \
        decode_##T(padded, CHUNK, rest);                                                            \
        memcpy(values + whole, rest, (count - whole) * sizeof(float));                              \
    }

DEFINE_DECODE_PLAIN(f32)
DEFINE_DECODE_PLAIN(f16)
DEFINE_DECODE_PLAIN(bf16)
DEFINE_DECODE(q4_0)
DEFINE_DECODE(q4_1)
DEFINE_DECODE(q5_0)
DEFINE_DECODE(q5_1)
DEFINE_DECODE(q8_0)
DEFINE_DECODE(q4_K)
DEFINE_DECODE(q5_K)
DEFINE_DECODE(q6_K)

static void decode(monge_weight_type type, const uint8_t *row, size_t count, float *values) {
    switch (type) {
    case MONGE_F32: decode_f32_row(row, count, values); break;
    case MONGE_F16: decode_f16_row(row, count, values); break;
    case MONGE_BF16: decode_bf16_row(row, count, values); break;
    case MONGE_Q4_0: decode_q4_0(row, count, values); break;
    case MONGE_Q4_1: decode_q4_1(row, count, values); break;
    case MONGE_Q5_0: decode_q5_0(row, count, values); break;
    case MONGE_Q5_1: decode_q5_1(row, count, values); break;
    case MONGE_Q8_0: decode_q8_0(row, count, values); break;
    case MONGE_Q4_K: decode_q4_K(row, count, values); break;
    case MONGE_Q5_K: decode_q5_K(row, count, values); break;
    case MONGE_Q6_K: decode_q6_K(row, count, values); break;
    case MONGE_WEIGHT_TYPES: break;
    }
}
