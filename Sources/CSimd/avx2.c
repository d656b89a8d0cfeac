// The kernels for AVX2 with FMA and F16C: eight lanes.
#if defined(__x86_64__)

#include "levels.h"

#define LANES 8
#define HAS_FMA 1
#define HALF_CONVERSION 1
#define BYTE_PRODUCTS MADD_PRODUCTS

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "kernels/kernels.h"
#include "kernels/rounded_kernels.h"
#pragma clang attribute pop

const monge_kernels monge_kernels_avx2 = KERNELS("AVX2");
const monge_rounded_kernels monge_rounded_avx2 = ROUNDED_KERNELS("AVX2");

#endif
