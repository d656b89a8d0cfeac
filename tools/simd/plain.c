// The kernels as they are for a processor without fused multiplications and without conversions of f16: what the others are compared
// with. On aarch64 the package itself has no such table, since every processor has NEON.
#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "monge_kernels.h"

// Tiles are chosen by this, too. The headers that need it have been read.
#undef __aarch64__

#define LANES 4
#define HAS_FMA 0
#define HALF_CONVERSION 0
#define BYTE_PRODUCTS PLAIN_PRODUCTS

#include "kernels/kernels.h"
#include "kernels/rounded_kernels.h"

#include "check.h"

const monge_kernels monge_kernels_plain = KERNELS("plain");
const monge_rounded_kernels monge_rounded_plain = ROUNDED_KERNELS("plain");
