// The products of rounded activations, and the table of them.

#include "quads.h"

#include "quads_32.h"

#include "quads_256.h"

#include "interleave.h"

#include "rounded.h"

#define ROUNDED_KERNELS(NAME) \
    {                                                                                       \
        .name = NAME, .round = round_rows, .scratch = rounded_scratch, .product = rounded_product, \
        .lanes = LANES, .interleave = interleave, .restore = restore,                       \
    }
