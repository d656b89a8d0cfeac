// The kernels for what every processor of the target has: four lanes, SSE2 on x86-64, NEON on aarch64.
#include "levels.h"

#define LANES 4
#if defined(__aarch64__)
#define HAS_FMA 1
#define HALF_CONVERSION 1
#else
#define HAS_FMA 0
#define HALF_CONVERSION 0
#endif

#include "kernels/kernels.h"

#if defined(__aarch64__)
const monge_kernels monge_kernels_portable = KERNELS("NEON");
#else
const monge_kernels monge_kernels_portable = KERNELS("portable");
#endif
