// The products of rounded activations for AVX2 with AVX-VNNI: eight lanes.
#if defined(__x86_64__)

#include "levels.h"

#include <immintrin.h>

#define LANES 8
#define HAS_FMA 1
#define HALF_CONVERSION 1
#define BYTE_PRODUCTS VNNI_PRODUCTS

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#include "kernels/rounded_alone.h"
#pragma clang attribute pop

const monge_rounded_kernels monge_rounded_avx2_vnni = ROUNDED_KERNELS("AVX2, VNNI");

#endif
