// The kernels for AVX-512 (F, BW, DQ, VL): sixteen lanes.
#if defined(__x86_64__)

#include "levels.h"

#include <immintrin.h>

#define LANES 16
#define HAS_FMA 1
#define HALF_CONVERSION 1
#define BYTE_PRODUCTS MADD_PRODUCTS

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#include "kernels/kernels.h"
#include "kernels/rounded_kernels.h"
#pragma clang attribute pop

const monge_kernels monge_kernels_avx512 = KERNELS("AVX-512");
const monge_rounded_kernels monge_rounded_avx512 = ROUNDED_KERNELS("AVX-512");

#endif
