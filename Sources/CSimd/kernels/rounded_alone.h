// The products of rounded activations and what they are made of, for levels that have no other kernels of their own.

// What comes with those and is not called here.
#pragma clang diagnostic ignored "-Wunused-function"

#include "vector.h"

#include "widths.h"

#include "encode.h"

#include "elements.h"

#include "elementwise.h"
#include "transport.h"

#include "epilogue.h"

#include "rounded_kernels.h"
