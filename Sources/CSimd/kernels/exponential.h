// exp(x), within 2 ulp; 0 below −104, ∞ above 88.8, NaN for NaN.
//
// x = n·ln 2 + r with |r| ≤ ½·ln 2 (Cody & Waite 1980: ln 2 in two parts, so that n·ln 2 is exact enough), eʳ by its Taylor
// polynomial of degree 7, whose remainder r⁸/8! is at most 5.2e-9, a tenth of an ulp, and 2ⁿ in two steps, so that neither factor
// leaves the range of exponents.
OVERLOADED FLOATS exponential(FLOATS x) {
    const float magic = 0x1.8p23f;  // Adding it leaves the nearest integer in the low bits.
    // Clamped by comparisons that are false for NaN, which stays.
    x = choose(x > 89.0f, CONSTANT(89), x);
    x = choose(x < -104.5f, CONSTANT(-104.5f), x);
    FLOATS shifted = fused(x, CONSTANT(0x1.715476p0f), CONSTANT(magic));
    INTS n = (INTS)shifted - (INTS)CONSTANT(magic);
    FLOATS whole = shifted - magic;
    FLOATS r = fused(whole, CONSTANT(-0x1.62e4p-1f), x);
    r = fused(whole, CONSTANT(-0x1.7f7d1cp-20f), r);
    FLOATS p = CONSTANT(1.0f / 5040);
    p = fused(p, r, CONSTANT(1.0f / 720));
    p = fused(p, r, CONSTANT(1.0f / 120));
    p = fused(p, r, CONSTANT(1.0f / 24));
    p = fused(p, r, CONSTANT(1.0f / 6));
    p = fused(p, r, CONSTANT(0.5f));
    p = fused(p, r, CONSTANT(1));
    p = fused(p, r, CONSTANT(1));
    INTS half = n >> 1;
    FLOATS first = (FLOATS)((half + 127) << 23), second = (FLOATS)((n - half + 127) << 23);
    return p * first * second;
}

// exp((x − shift) · scale): what the difference loses to rounding (Knuth's error-free difference), which for differences
// about −20 is as much as 8 ulp of the exponential, is put back.
OVERLOADED FLOATS shifted_exponential(FLOATS x, float shift, float scale) {
    FLOATS difference = x - shift, part = difference - x;
    FLOATS rest = (x - (difference - part)) - (shift + part);
    FLOATS result = exponential(difference * scale);
    // Where the exponential is 0 or ∞, or no number, the rest may be none either.
    INTS has_rest = (difference * scale > -104.0f) & (difference < __FLT_MAX__) & (result < __FLT_MAX__);
    return choose(has_rest, fused(result, rest * scale, result), result);
}
