// The products of rounded activations for AVX-512 with VNNI: sixteen lanes.
#if defined(__x86_64__)

#include "levels.h"

#include <immintrin.h>

#define LANES 16
#define HAS_FMA 1
#define HALF_CONVERSION 1
#define BYTE_PRODUCTS VNNI_PRODUCTS

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)
#include "kernels/rounded_alone.h"
#pragma clang attribute pop

const monge_rounded_kernels monge_rounded_avx512_vnni = ROUNDED_KERNELS("AVX-512, VNNI");

#endif
