#ifndef MONGE_LEVELS_H
#define MONGE_LEVELS_H

#include "monge_kernels.h"

extern const monge_kernels monge_kernels_portable;
extern const monge_rounded_kernels monge_rounded_portable;
#if defined(__aarch64__)
extern const monge_rounded_kernels monge_rounded_neon_dot;
#endif
#if defined(__x86_64__)
extern const monge_kernels monge_kernels_avx2;
extern const monge_kernels monge_kernels_avx512;
extern const monge_rounded_kernels monge_rounded_avx2;
extern const monge_rounded_kernels monge_rounded_avx2_vnni;
extern const monge_rounded_kernels monge_rounded_avx512;
extern const monge_rounded_kernels monge_rounded_avx512_vnni;
#endif

#endif
