// Products of 8-bit integers: four weights of a row, side by side in a lane of 32 bits (a quad), meet four activations that all lanes
// share. Weights are stored as unsigned integers, or as signed ones where the processor multiplies those better (SIGNED_BYTES); sums of
// four products are exact in whatever way they are computed.
//
// A file that includes this has defined BYTE_PRODUCTS as one of
//
// PLAIN_PRODUCTS       plain C
// MADD_PRODUCTS        AVX2 and AVX-512: products of unsigned and signed bytes, pairs of which are added with saturation at 16 bits
// VNNI_PRODUCTS        AVX-VNNI and AVX-512 VNNI: four products of unsigned and signed bytes are added to 32 bits
// WIDENED_PRODUCTS     SSE2: products of 16 bits, pairs of which are added
// NEON_PRODUCTS        NEON: products of signed bytes
// NEON_DOT_PRODUCTS    NEON with dot products: four products of signed bytes are added to 32 bits

#define PLAIN_PRODUCTS 0
#define MADD_PRODUCTS 1
#define VNNI_PRODUCTS 2
#define WIDENED_PRODUCTS 3
#define NEON_PRODUCTS 4
#define NEON_DOT_PRODUCTS 5

#if BYTE_PRODUCTS == MADD_PRODUCTS || BYTE_PRODUCTS == VNNI_PRODUCTS || BYTE_PRODUCTS == WIDENED_PRODUCTS
#include <immintrin.h>
#elif BYTE_PRODUCTS == NEON_PRODUCTS || BYTE_PRODUCTS == NEON_DOT_PRODUCTS
#include <arm_neon.h>
#endif

// Whether integers of eight bits and a sign are kept as they are; else 128 is added to them, and taken from the sum afterwards.
#define SIGNED_BYTES (BYTE_PRODUCTS != VNNI_PRODUCTS)

enum {
    // The elements that a row's scale and offset hold for at most, and the quads that they take.
    SPAN = 32,
    SPAN_QUADS = SPAN / 4,
};

INLINE uint32_t read32(const void *p) {
    uint32_t bits;
    memcpy(&bits, p, sizeof bits);
    return bits;
}

// A block of each of LANES rows: `stride` bytes apart, or interleaved (interleave.h): what lies at byte o of a block then begins at o · LANES,
// lane after lane.
typedef struct {
    const uint8_t *bytes;
    size_t stride;
    bool interleaved;
} lane_blocks;

INLINE vuint load_uints(const uint8_t *p) {
    vuint v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vfloat words_as_halves(vuint words) { return half_values(__builtin_convertvector(words, vhalf)); }

INLINE vfloat load_halves(const uint8_t *p) {
    vhalf v;
    memcpy(&v, p, sizeof v);
    return half_values(v);
}

// 32 bits at byte `offset` of each block.
INLINE vuint words_at(lane_blocks blocks, int offset) {
    if (blocks.interleaved) return load_uints(blocks.bytes + offset * LANES);
    const uint8_t *place = blocks.bytes + offset;
#if LANES == 16
    vint offsets = (vint)SEQUENCE * splat_int((int32_t)blocks.stride);
    return (vuint)_mm512_i32gather_epi32((__m512i)offsets, place, 1);
#else
    vuint words;
    for (size_t i = 0; i < LANES; i++) words[i] = read32(place + i * blocks.stride);
    return words;
#endif
}

// The f16 at byte `offset`, with which a block begins.
INLINE vfloat first_halves_at(lane_blocks blocks, int offset) {
    if (blocks.interleaved) return load_halves(blocks.bytes + offset * LANES);
    return words_as_halves(words_at(blocks, offset) & 0xffff);
}

// The f16 at byte `offset`, with which a block ends.
INLINE vfloat last_halves_at(lane_blocks blocks, int offset) {
    if (blocks.interleaved) return load_halves(blocks.bytes + offset * LANES);
    return words_as_halves(words_at(blocks, offset - 2) >> 16);
}

// The two f16 at byte `offset`.
INLINE void half_pairs_at(lane_blocks blocks, int offset, vfloat *first, vfloat *second) {
    if (blocks.interleaved) {
        *first = load_halves(blocks.bytes + offset * LANES);
        *second = load_halves(blocks.bytes + (offset + 2) * LANES);
        return;
    }
    vuint words = words_at(blocks, offset);
    *first = words_as_halves(words & 0xffff);
    *second = words_as_halves(words >> 16);
}

// 16 bytes at byte `offset` of each block: words[i] holds the i-th 32 bits of every row.
INLINE void strip_at(lane_blocks blocks, int offset, vuint words[4]) {
    if (blocks.interleaved) {
        for (int i = 0; i < 4; i++) words[i] = load_uints(blocks.bytes + (offset + 4 * i) * LANES);
        return;
    }
    typedef uint32_t vuint4 __attribute__((vector_size(16)));
    vuint rows[4];
    for (size_t r = 0; r < 4; r++) {
        // Row 4q + r in quarter q.
        vuint4 quarters[LANES / 4];
        for (size_t q = 0; q < LANES / 4; q++)
            memcpy(&quarters[q], blocks.bytes + offset + (4 * q + r) * blocks.stride, sizeof(vuint4));
#if LANES == 16
        typedef uint32_t vuint8 __attribute__((vector_size(32)));
        vuint8 low = SHUFFLE(quarters[0], quarters[1], 0, 1, 2, 3, 4, 5, 6, 7);
        vuint8 high = SHUFFLE(quarters[2], quarters[3], 0, 1, 2, 3, 4, 5, 6, 7);
        rows[r] = SHUFFLE(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif LANES == 8
        rows[r] = SHUFFLE(quarters[0], quarters[1], 0, 1, 2, 3, 4, 5, 6, 7);
#else
        rows[r] = quarters[0];
#endif
    }
    vuint low_first = SHUFFLE(rows[0], rows[1], QUARTER_LOW), high_first = SHUFFLE(rows[0], rows[1], QUARTER_HIGH);
    vuint low_second = SHUFFLE(rows[2], rows[3], QUARTER_LOW), high_second = SHUFFLE(rows[2], rows[3], QUARTER_HIGH);
    words[0] = SHUFFLE(low_first, low_second, QUARTER_FIRST_HALVES);
    words[1] = SHUFFLE(low_first, low_second, QUARTER_SECOND_HALVES);
    words[2] = SHUFFLE(high_first, high_second, QUARTER_FIRST_HALVES);
    words[3] = SHUFFLE(high_first, high_second, QUARTER_SECOND_HALVES);
}

// Four activations in every lane.
INLINE vint splat_quad(const int8_t *x) { return splat_int((int32_t)read32(x)); }

// start + Σ weights·x over `count` quads, 4 or 8. Weights are at most `largest`; where that is 128 they have a sign and are not below
// −128. |x| is at most 127.
INLINE vint quad_products(const vuint *weights, const int8_t *x, int count, int largest, int32_t start) {
#if BYTE_PRODUCTS == VNNI_PRODUCTS
    // Of eight quads two sums, neither of which waits for the other; of four, one: an addition less is worth more.
    vint sums[2] = {splat_int(start), {0}};
    int chains = count / 4;
    _Pragma("unroll") for (int i = 0; i < count; i++) {
        vint factor = splat_quad(x + 4 * i), *sum = &sums[i % chains];
#if LANES == 16
        *sum = (vint)_mm512_dpbusd_epi32((__m512i)*sum, (__m512i)weights[i], (__m512i)factor);
#else
        *sum = (vint)_mm256_dpbusd_avx_epi32((__m256i)*sum, (__m256i)weights[i], (__m256i)factor);
#endif
    }
    return chains == 1 ? sums[0] : sums[0] + sums[1];
#elif BYTE_PRODUCTS == MADD_PRODUCTS
    // A pair of products is at most 2·127·largest; so many pairs as stay below 2^15 are added before they are widened.
    int added = largest <= 15 ? 8 : largest <= 31 ? 4 : largest <= 63 ? 2 : 1;
    if (added > count) added = count;
    vint sum = splat_int(start);
    _Pragma("unroll") for (int i = 0; i < count; i += added) {
#if LANES == 16
        __m512i pairs = _mm512_setzero_si512();
        _Pragma("unroll") for (int j = i; j < i + added; j++) {
            __m512i weight = (__m512i)weights[j], factor = (__m512i)splat_quad(x + 4 * j);
            if (largest == 128) {
                factor = _mm512_mask_sub_epi8(factor, _mm512_movepi8_mask(weight), _mm512_setzero_si512(), factor);
                weight = _mm512_abs_epi8(weight);
            }
            pairs = _mm512_add_epi16(pairs, _mm512_maddubs_epi16(weight, factor));
        }
        sum += (vint)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#else
        __m256i pairs = _mm256_setzero_si256();
        _Pragma("unroll") for (int j = i; j < i + added; j++) {
            __m256i weight = (__m256i)weights[j], factor = (__m256i)splat_quad(x + 4 * j);
            if (largest == 128) {
                factor = _mm256_sign_epi8(factor, weight);
                weight = _mm256_abs_epi8(weight);
            }
            pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(weight, factor));
        }
        sum += (vint)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#endif
    }
    return sum;
#elif BYTE_PRODUCTS == WIDENED_PRODUCTS
    // Two sums of a row side by side, rows 0 and 1 in the one vector, rows 2 and 3 in the other.
    __m128i low = _mm_setzero_si128(), high = low;
    _Pragma("unroll") for (int i = 0; i < count; i++) {
        __m128i weight = (__m128i)weights[i], factor = (__m128i)splat_quad(x + 4 * i);
        __m128i above = largest == 128 ? _mm_cmpgt_epi8(_mm_setzero_si128(), weight) : _mm_setzero_si128();
        factor = _mm_unpacklo_epi8(factor, _mm_cmpgt_epi8(_mm_setzero_si128(), factor));
        low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi8(weight, above), factor));
        high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi8(weight, above), factor));
    }
    return splat_int(start) + (SHUFFLE((vint)low, (vint)high, EVENS) + SHUFFLE((vint)low, (vint)high, ODDS));
#elif BYTE_PRODUCTS == NEON_PRODUCTS
    int32x4_t low = vdupq_n_s32(0), high = low;
    _Pragma("unroll") for (int i = 0; i < count; i++) {
        int8x16_t weight = (int8x16_t)weights[i], factor = (int8x16_t)splat_quad(x + 4 * i);
        low = vpadalq_s16(low, vmull_s8(vget_low_s8(weight), vget_low_s8(factor)));
        high = vpadalq_s16(high, vmull_s8(vget_high_s8(weight), vget_high_s8(factor)));
    }
    return splat_int(start) + (vint)vpaddq_s32(low, high);
#elif BYTE_PRODUCTS == NEON_DOT_PRODUCTS
    int32x4_t sums[2] = {vdupq_n_s32(start), vdupq_n_s32(0)};
    _Pragma("unroll") for (int i = 0; i < count; i++)
        sums[i % 2] = vdotq_s32(sums[i % 2], (int8x16_t)weights[i], (int8x16_t)splat_quad(x + 4 * i));
    return (vint)vaddq_s32(sums[0], sums[1]);
#else
    vint sum = splat_int(start);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < 4; j++) {
            vint byte = (vint)(weights[i] >> 8 * j & 255);
            sum += (largest == 128 ? byte << 24 >> 24 : byte) * splat_int(x[4 * i + j]);
        }
    return sum;
#endif
}
