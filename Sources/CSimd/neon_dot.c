// The products of rounded activations for NEON with dot products of bytes: four lanes.
#if defined(__aarch64__)

#include "levels.h"

#include <arm_neon.h>

#define LANES 4
#define HAS_FMA 1
#define HALF_CONVERSION 1
#define BYTE_PRODUCTS NEON_DOT_PRODUCTS

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#include "kernels/rounded_alone.h"
#pragma clang attribute pop

const monge_rounded_kernels monge_rounded_neon_dot = ROUNDED_KERNELS("NEON, dot products");

#endif
