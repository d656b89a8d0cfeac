// Numbers as the unevaluated sum of two floats, with about 48 bits: not every device has float64. The error-free sum is Knuth's,
// the product Dekker's with Veltkamp's splitting (Dekker 1971), since fma need not be fused. `precise` keeps a compiler
// from simplifying the errors away.
#pragma once

// x + y = result.x + result.y exactly.
vec2 exactSum(float x, float y) {
    precise float sum = x + y;
    precise float yPart = sum - x;
    precise float xPart = sum - yPart;
    precise float error = (x - xPart) + (y - yPart);
    return vec2(sum, error);
}

// x · y = result.x + result.y exactly, short of overflow and underflow.
vec2 exactProduct(float x, float y) {
    precise float product = x * y;
    precise float xScaled = x * 4097.0;
    precise float xHigh = xScaled - (xScaled - x);
    precise float xLow = x - xHigh;
    precise float yScaled = y * 4097.0;
    precise float yHigh = yScaled - (yScaled - y);
    precise float yLow = y - yHigh;
    precise float error = ((xHigh * yHigh - product) + xHigh * yLow + xLow * yHigh) + xLow * yLow;
    return vec2(product, error);
}

vec2 pairNormalised(float high, float low) {
    precise float sum = high + low;
    precise float error = low - (sum - high);
    return vec2(sum, error);
}

vec2 pairSum(vec2 a, vec2 b) {
    vec2 s = exactSum(a.x, b.x);
    precise float low = s.y + (a.y + b.y);
    return pairNormalised(s.x, low);
}

vec2 pairDifference(vec2 a, vec2 b) { return pairSum(a, -b); }

vec2 pairProduct(vec2 a, vec2 b) {
    vec2 p = exactProduct(a.x, b.x);
    precise float low = p.y + (a.x * b.y + a.y * b.x);
    return pairNormalised(p.x, low);
}

// a / b: a first quotient and the quotient of what it leaves.
vec2 pairQuotient(vec2 a, vec2 b) {
    precise float first = a.x / b.x;
    vec2 rest = pairDifference(a, pairProduct(vec2(first, 0.0), b));
    precise float second = rest.x / b.x;
    return pairNormalised(first, second);
}

// √a for a ≥ 0: one step of Newton's iteration on the float root.
vec2 pairRoot(vec2 a) {
    if (a.x <= 0.0) return vec2(0.0);
    precise float root = sqrt(a.x);
    vec2 rest = pairDifference(a, exactProduct(root, root));
    precise float correction = rest.x / (2.0 * root);
    return pairNormalised(root, correction);
}

// An unsigned integer, exactly.
vec2 pairOf(uint n) { return exactSum(float(n >> 16) * 65536.0, float(n & 0xFFFFu)); }
