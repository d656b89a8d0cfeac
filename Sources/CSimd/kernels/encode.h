// Rows of f32, rounded to types of two bytes: to the nearest, ties to even.

INLINE vhalf half_bits(vfloat x) {
#if HALF_CONVERSION
    typedef _Float16 vfp16 __attribute__((vector_size(2 * LANES)));
    return (vhalf)__builtin_convertvector(x, vfp16);
#else
    vint bits = (vint)x, size = bits & 0x7fffffff;
    // 112 is the difference of the biases; half of the last bit, less one where it is even, carries into it.
    vint normal = (size - (112 << 23) + 0xfff + ((size >> 13) & 1)) >> 13;
    // Below 2^-14 the last bit is 2^-24, and that of sums with 0.5, too.
    vint small = (vint)((vfloat)size + 0.5f) - 0x3f000000;
    vint nan = 0x7e00 | ((size >> 13) & 0x3ff);
    vint result = (vint)choose(size < 0x38800000, (vfloat)small, (vfloat)normal);
    result = (vint)choose(size >= 0x477ff000, (vfloat)splat_int(0x7c00), (vfloat)result);
    result = (vint)choose(size > 0x7f800000, (vfloat)nan, (vfloat)result);
    return __builtin_convertvector(result | ((bits >> 16) & 0x8000), vhalf);
#endif
}

INLINE vhalf brain_bits(vfloat x) {
    vint bits = (vint)x, upper = (bits >> 16) & 0xffff;
    vint rounded = ((bits + 0x7fff + (upper & 1)) >> 16) & 0xffff;
    // The payload of a NaN may lie in the lower half alone.
    vint is_nan = x != x;
    return __builtin_convertvector((is_nan & (upper | 0x40)) | (~is_nan & rounded), vhalf);
}

#define DEFINE_ENCODE(NAME, BITS)                                                      \
    static void encode_##NAME(const float *values, size_t count, uint8_t *row) {       \
        size_t i = 0;                                                                  \
        for (; i + LANES <= count; i += LANES) {                                       \
            vhalf bits = BITS(load(values + i));                                       \
            memcpy(row + 2 * i, &bits, sizeof bits);                                   \
        }                                                                              \
        if (i < count) {                                                               \
            vhalf bits = BITS(load_part(values + i, count - i));                       \
            memcpy(row + 2 * i, &bits, 2 * (count - i));                               \
        }                                                                              \
    }

DEFINE_ENCODE(f16, half_bits)
DEFINE_ENCODE(bf16, brain_bits)

static void encode(monge_weight_type type, const float *values, size_t count, uint8_t *row) {
    if (type == MONGE_F16) encode_f16(values, count, row);
    if (type == MONGE_BF16) encode_bf16(values, count, row);
}
