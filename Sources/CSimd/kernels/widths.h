// Arithmetic and functions for vectors of the processor's width, and for wider ones.

// Vectors that are wider than the processor's are several of its own. Only inlined functions are given any: no convention of calls
// matters.
#pragma clang diagnostic ignored "-Wpsabi"

#define FLOATS vfloat
#define INTS vint
#include "functions.h"
#undef FLOATS
#undef INTS
#define FLOATS vwide
#define INTS vwide_int
#include "functions.h"
#undef FLOATS
#undef INTS
