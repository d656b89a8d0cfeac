// The activation functions, each without cancellation in the tail where it tends to zero; of ±∞ they are their limits.

// x, and the lowest number in the place of −∞: what is multiplied by a factor that tends to 0 faster than x grows.
OVERLOADED FLOATS bounded_below(FLOATS x) { return larger(CONSTANT(-__FLT_MAX__), x); }

// 1 / (1 + e⁻ˣ), from e^−|x|, which does not overflow.
OVERLOADED FLOATS logistic(FLOATS x) {
    FLOATS e = exponential(-magnitude(x));
    return choose(x < 0, e, CONSTANT(1)) / (1 + e);
}

// e^(z²)·erfc(z) for z ≥ 0, within 5 units of 2⁻²⁴: t = 1/(1 + z/2) maps z to (0, 1], and the function is t times a polynomial
// in s = 2t − 1 (a Chebyshev fit of degree 10 with relative error 1.2e-8).
OVERLOADED FLOATS scaled_complementary_error(FLOATS z) {
    FLOATS t = 1 / fused(z, CONSTANT(0.5f), CONSTANT(1)), s = fused(t, CONSTANT(2), CONSTANT(-1));
    FLOATS p = CONSTANT(4.218304093228653e-05f);
    p = fused(p, s, CONSTANT(-3.663364623207599e-05f));
    p = fused(p, s, CONSTANT(-0.0002994437818415463f));
    p = fused(p, s, CONSTANT(0.00043074143468402326f));
    p = fused(p, s, CONSTANT(0.0015292179305106401f));
    p = fused(p, s, CONSTANT(-0.0032435045577585697f));
    p = fused(p, s, CONSTANT(-0.010751651600003242f));
    p = fused(p, s, CONSTANT(0.01822168380022049f));
    p = fused(p, s, CONSTANT(0.13973574340343475f));
    p = fused(p, s, CONSTANT(0.34358030557632446f));
    p = fused(p, s, CONSTANT(0.5107913613319397f));
    return p * t;
}

// x·Φ(x) with Φ(x) = ½·erfc(−x/√2) for x < 0 and its complement to 1 for x ≥ 0.
OVERLOADED FLOATS gelu(FLOATS x) {
    // Beyond 16 the tail is 0 in f32, while x² would overflow and make NaN of infinity, and of what is above 2⁶⁴. Bits of numbers that
    // are not negative are in the order of the numbers, NaN last.
    FLOATS size = (FLOATS)__builtin_elementwise_min((INTS)magnitude(x), (INTS)CONSTANT(16));
    // e^(−x²/2), with the rounding error of x² put back where it can be had.
    FLOATS square = size * size, rest = fused(size, size, -square);
    FLOATS gauss = exponential(-0.5f * square) * fused(rest, CONSTANT(-0.5f), CONSTANT(1));
    FLOATS tail = 0.5f * gauss * scaled_complementary_error(size * 0x1.6a09e6p-1f);
    return bounded_below(x) * choose(x < 0, tail, 1 - tail);
}

// tanh(x): an odd polynomial up to 0.625, where 1 − 2/(e²ˣ + 1) would cancel (a Chebyshev fit with relative error 1.6e-8).
OVERLOADED FLOATS hyperbolic_tangent(FLOATS x) {
    FLOATS a = magnitude(x), square = x * x;
    FLOATS p = CONSTANT(-0.006104961037635803f);
    p = fused(p, square, CONSTANT(0.02100365236401558f));
    p = fused(p, square, CONSTANT(-0.05385250225663185f));
    p = fused(p, square, CONSTANT(0.13332782685756683f));
    p = fused(p, square, CONSTANT(-0.333333283662796f));
    FLOATS small = fused(x * square, p, x);
    FLOATS large = 1 - 2 / (exponential(2 * a) + 1);
    FLOATS signed_large = choose(x < 0, -large, large);
    return choose(a < 0.625f, small, signed_large);
}

OVERLOADED FLOATS activated(monge_activation activation, FLOATS x) {
    switch (activation) {
    case MONGE_IDENTITY: return x;
    case MONGE_SILU: return bounded_below(x) * logistic(x);
    case MONGE_GELU: return gelu(x);
    // ½·(1 + tanh v) = 1/(1 + e^−2v).
    case MONGE_GELU_TANH: return bounded_below(x) * logistic(1.5957691216057308f * fused(x * x * x, CONSTANT(0.044715f), x));
    case MONGE_GELU_QUICK: return bounded_below(x) * logistic(1.702f * x);
    case MONGE_RELU: return choose(x < 0, CONSTANT(0), x);
    case MONGE_SIGMOID: return logistic(x);
    case MONGE_TANH: return hyperbolic_tangent(x);
    }
    return x;
}
