// Vectors of LANES floats, in the compiler's own vector arithmetic: one source for every instruction set. A file that includes
// the kernels has defined LANES (4, 8 or 16) and HAS_FMA, and has set the instruction set with a pragma.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "monge_kernels.h"

// Multiplications and additions are fused where the source says so and nowhere else.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline, unused))

typedef float vfloat __attribute__((vector_size(4 * LANES)));
typedef int32_t vint __attribute__((vector_size(4 * LANES)));
typedef uint32_t vuint __attribute__((vector_size(4 * LANES)));
typedef uint8_t vbyte __attribute__((vector_size(LANES)));
typedef int8_t vsbyte __attribute__((vector_size(LANES)));
typedef uint16_t vhalf __attribute__((vector_size(2 * LANES)));

// Several vectors that go through a function together: each constant is loaded once for all of them, and none waits for the results of
// one alone. Long polynomials gain a quarter.
enum { WIDE_VECTORS = 4, WIDE_LANES = WIDE_VECTORS * LANES };
typedef float vwide __attribute__((vector_size(4 * WIDE_LANES)));
typedef int32_t vwide_int __attribute__((vector_size(4 * WIDE_LANES)));

INLINE vfloat load(const float *p) {
    vfloat v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, vfloat v) { memcpy(p, &v, sizeof v); }

// The first `count` elements, and zeros.
INLINE vfloat load_part(const float *p, size_t count) {
    vfloat v = {0};
    memcpy(&v, p, count * sizeof(float));
    return v;
}

INLINE void store_part(float *p, vfloat v, size_t count) { memcpy(p, &v, count * sizeof(float)); }

#if LANES == 16
#define SEQUENCE {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#define FIRST_LANE 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_HALVES 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH_HALVES 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define QUARTER_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define QUARTER_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define QUARTER_FIRST_HALVES 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define QUARTER_SECOND_HALVES 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define EVEN_QUARTERS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define ODD_QUARTERS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define FIRST_PAIRS 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29
#define SECOND_PAIRS 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31
#define EVENS_TWICE 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14
#define ODDS_TWICE 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif LANES == 8
#define SEQUENCE {0, 1, 2, 3, 4, 5, 6, 7}
#define FIRST_LANE 0, 0, 0, 0, 0, 0, 0, 0
#define INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_HALVES 0, 1, 2, 3, 8, 9, 10, 11
#define HIGH_HALVES 4, 5, 6, 7, 12, 13, 14, 15
#define QUARTER_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define QUARTER_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define QUARTER_FIRST_HALVES 0, 1, 8, 9, 4, 5, 12, 13
#define QUARTER_SECOND_HALVES 2, 3, 10, 11, 6, 7, 14, 15
#define FIRST_PAIRS 0, 4, 8, 12, 1, 5, 9, 13
#define SECOND_PAIRS 2, 6, 10, 14, 3, 7, 11, 15
#define EVENS_TWICE 0, 0, 2, 2, 4, 4, 6, 6
#define ODDS_TWICE 1, 1, 3, 3, 5, 5, 7, 7
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15
#else
#define SEQUENCE {0, 1, 2, 3}
#define FIRST_LANE 0, 0, 0, 0
#define INTERLEAVE_LOW 0, 4, 1, 5
#define INTERLEAVE_HIGH 2, 6, 3, 7
#define LOW_HALVES 0, 1, 4, 5
#define HIGH_HALVES 2, 3, 6, 7
#define QUARTER_LOW 0, 4, 1, 5
#define QUARTER_HIGH 2, 6, 3, 7
#define QUARTER_FIRST_HALVES 0, 1, 4, 5
#define QUARTER_SECOND_HALVES 2, 3, 6, 7
#define FIRST_PAIRS 0, 4, 1, 5
#define SECOND_PAIRS 2, 6, 3, 7
#define EVENS_TWICE 0, 0, 2, 2
#define ODDS_TWICE 1, 1, 3, 3
#define EVENS 0, 2, 4, 6
#define ODDS 1, 3, 5, 7
#endif

#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

INLINE vfloat splat(float x) {
    vfloat v = {x};
    return SHUFFLE(v, v, FIRST_LANE);
}

INLINE vint splat_int(int32_t x) {
    vint v = {x};
    return SHUFFLE(v, v, FIRST_LANE);
}

// The sum of the lanes, halves upon halves.
INLINE float sum_lanes(vfloat v) {
    typedef float vfloat4 __attribute__((vector_size(16)));
#if LANES == 16
    typedef float vfloat8 __attribute__((vector_size(32)));
    vfloat8 eight = SHUFFLE(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + SHUFFLE(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    vfloat4 four = SHUFFLE(eight, eight, 0, 1, 2, 3) + SHUFFLE(eight, eight, 4, 5, 6, 7);
#elif LANES == 8
    vfloat4 four = SHUFFLE(v, v, 0, 1, 2, 3) + SHUFFLE(v, v, 4, 5, 6, 7);
#else
    vfloat4 four = v;
#endif
    return (four[0] + four[2]) + (four[1] + four[3]);
}

// The transpose of the square of LANES vectors, by shuffles that are one instruction each: squares of four rows within every
// quarter (of 128 bits), then the quarters among the rows.
INLINE void transpose(vfloat v[LANES]) {
    for (int i = 0; i < LANES; i += 4) {
        vfloat low_first = SHUFFLE(v[i], v[i + 1], QUARTER_LOW), high_first = SHUFFLE(v[i], v[i + 1], QUARTER_HIGH);
        vfloat low_second = SHUFFLE(v[i + 2], v[i + 3], QUARTER_LOW), high_second = SHUFFLE(v[i + 2], v[i + 3], QUARTER_HIGH);
        v[i] = SHUFFLE(low_first, low_second, QUARTER_FIRST_HALVES);
        v[i + 1] = SHUFFLE(low_first, low_second, QUARTER_SECOND_HALVES);
        v[i + 2] = SHUFFLE(high_first, high_second, QUARTER_FIRST_HALVES);
        v[i + 3] = SHUFFLE(high_first, high_second, QUARTER_SECOND_HALVES);
    }
    // Now quarter q of row 4g + i holds column 4q + i of rows 4g to 4g + 3.
#if LANES == 8
    for (int i = 0; i < 4; i++) {
        vfloat first = v[i], second = v[i + 4];
        v[i] = SHUFFLE(first, second, LOW_HALVES);
        v[i + 4] = SHUFFLE(first, second, HIGH_HALVES);
    }
#elif LANES == 16
    for (int i = 0; i < 4; i++) {
        vfloat a = v[i], b = v[i + 4], c = v[i + 8], d = v[i + 12];
        vfloat low_first = SHUFFLE(a, b, LOW_HALVES), low_second = SHUFFLE(c, d, LOW_HALVES);
        vfloat high_first = SHUFFLE(a, b, HIGH_HALVES), high_second = SHUFFLE(c, d, HIGH_HALVES);
        v[i] = SHUFFLE(low_first, low_second, EVEN_QUARTERS);
        v[i + 4] = SHUFFLE(low_first, low_second, ODD_QUARTERS);
        v[i + 8] = SHUFFLE(high_first, high_second, EVEN_QUARTERS);
        v[i + 12] = SHUFFLE(high_first, high_second, ODD_QUARTERS);
    }
#endif
}

// Lane i becomes the sum of the lanes of vector i: a transposition that adds as it goes.
INLINE vfloat sum_each(vfloat v[LANES]) {
    for (int count = LANES / 2; count > 0; count /= 2)
        for (int i = 0; i < count; i++)
            v[i] = SHUFFLE(v[i], v[i + count], INTERLEAVE_LOW) + SHUFFLE(v[i], v[i + count], INTERLEAVE_HIGH);
    return v[0];
}

// The value of an IEEE 754 binary16 number.
INLINE float half_value(uint16_t bits) {
#if HALF_CONVERSION
    _Float16 half;
    memcpy(&half, &bits, sizeof half);
    return (float)half;
#else
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t rest = (uint32_t)(bits & 0x7fff) << 13;
    float value;
    if ((bits & 0x7c00) == 0x7c00) {
        rest |= 0x7f800000 | sign;
        memcpy(&value, &rest, sizeof value);
        return value;
    }
    // The exponents are biased by 15 and 127: 2^112 makes up the difference, for subnormal numbers too.
    memcpy(&value, &rest, sizeof value);
    value *= 0x1p112f;
    memcpy(&rest, &value, sizeof rest);
    rest |= sign;
    memcpy(&value, &rest, sizeof value);
    return value;
#endif
}

INLINE vfloat half_values(vhalf bits) {
#if HALF_CONVERSION
    typedef _Float16 vfp16 __attribute__((vector_size(2 * LANES)));
    return __builtin_convertvector((vfp16)bits, vfloat);
#else
    vint wide = __builtin_convertvector(bits, vint);
    vint sign = (wide & 0x8000) << 16, rest = (wide & 0x7fff) << 13;
    vint special = (wide & 0x7c00) == 0x7c00;
    vint finite = (vint)((vfloat)rest * 0x1p112f);
    return (vfloat)(sign | (special & (rest | 0x7f800000)) | (~special & finite));
#endif
}

INLINE uint16_t read16(const uint8_t *p) {
    uint16_t bits;
    memcpy(&bits, p, sizeof bits);
    return bits;
}

// LANES bytes, widened.
INLINE vint wide_bytes(const uint8_t *p) {
    vbyte bytes;
    memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(bytes, vint);
}

// Asks for what lies there ahead of its use.
INLINE void prefetch_bytes(const void *start, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch((const uint8_t *)start + i);
}

INLINE void prefetch_row(const float *row, size_t channels) { prefetch_bytes(row, channels * sizeof *row); }
