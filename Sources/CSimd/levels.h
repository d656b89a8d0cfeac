#ifndef MONGE_LEVELS_H
#define MONGE_LEVELS_H

#include "monge_kernels.h"

extern const monge_kernels monge_kernels_portable;
#if defined(__x86_64__)
extern const monge_kernels monge_kernels_avx2;
extern const monge_kernels monge_kernels_avx512;
#endif

#endif
