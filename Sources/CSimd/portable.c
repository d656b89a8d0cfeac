// The kernels for what every processor of the target has: four lanes, SSE2 on x86-64, NEON on aarch64.
#include "levels.h"

#define LANES 4
#if defined(__aarch64__)
#define HAS_FMA 1
#define HALF_CONVERSION 1
#define BYTE_PRODUCTS NEON_PRODUCTS
#include <arm_neon.h>
#else
#define HAS_FMA 0
#define HALF_CONVERSION 0
#define BYTE_PRODUCTS WIDENED_PRODUCTS
#include <immintrin.h>
#endif

#include "kernels/kernels.h"
#include "kernels/rounded_kernels.h"

#if defined(__aarch64__)
const monge_kernels monge_kernels_portable = KERNELS("NEON");
const monge_rounded_kernels monge_rounded_portable = ROUNDED_KERNELS("NEON");
#else
const monge_kernels monge_kernels_portable = KERNELS("portable");
const monge_rounded_kernels monge_rounded_portable = ROUNDED_KERNELS("portable");
#endif
