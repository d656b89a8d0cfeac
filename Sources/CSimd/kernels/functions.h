// Arithmetic and functions for one width of vectors: FLOATS, and INTS of as many lanes. Included for every width.

#define OVERLOADED INLINE __attribute__((overloadable))
#define CONSTANT(x) ((FLOATS){0} + (x))

// a·b + c, rounded once where the processor can.
OVERLOADED FLOATS fused(FLOATS a, FLOATS b, FLOATS c) {
#if HAS_FMA
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

// a where the mask is set, b elsewhere.
OVERLOADED FLOATS choose(INTS mask, FLOATS a, FLOATS b) { return (FLOATS)((mask & (INTS)a) | (~mask & (INTS)b)); }

// b where a comparison with NaN decides.
OVERLOADED FLOATS larger(FLOATS a, FLOATS b) { return choose(a > b, a, b); }
OVERLOADED FLOATS smaller(FLOATS a, FLOATS b) { return choose(a < b, a, b); }
OVERLOADED FLOATS magnitude(FLOATS x) { return (FLOATS)((INTS)x & 0x7fffffff); }

#include "exponential.h"

#include "activation.h"

#undef CONSTANT
#undef OVERLOADED
