// Elementary functions to a few units in the last place, the same on every device. Vulkan asks little of its own: sin and cos may
// be off by 2⁻¹¹ and exp by 3 + 2·|x| units.
#pragma once

// eˣ = 2ⁿ · eʳ with x = n·ln 2 + r and |r| ≤ ln 2 / 2. ln 2 comes in two parts, n times the first of which is exact; the Taylor
// polynomial of degree 7 leaves less than 6·10⁻⁹.
float exponential(float x) {
    float limited = clamp(x, -104.0, 89.0);
    float n = roundEven(limited * 1.44269504);
    float r = (limited - n * 0.693359375) + n * 2.12194440e-4;
    float p = 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = (p * r) * r + r + 1.0;
    // In two steps, so that neither factor leaves the range of exponents.
    int low = int(n) >> 1;
    int high = int(n) - low;
    float result = p * intBitsToFloat((low + 127) << 23) * intBitsToFloat((high + 127) << 23);
    return isnan(x) ? x : result;
}

// 1 / (1 + e⁻ˣ)
float logistic(float x) { return 1.0 / (1.0 + exponential(-x)); }

// An odd polynomial where the exponential form would cancel; relative error below 2·10⁻⁷.
float hyperbolicTangent(float x) {
    float s = x * x;
    float q = -6.276392378e-3;
    q = q * s + 2.111621760e-2;
    q = q * s - 5.387514085e-2;
    q = q * s + 1.333292425e-1;
    q = q * s - 3.333333135e-1;
    float small = x + x * (s * q);
    float large = 1.0 - 2.0 / (exponential(2.0 * abs(x)) + 1.0);
    return abs(x) < 0.6 ? small : (x < 0.0 ? -large : large);
}

// erfc(z) for z ≥ 0, as e^(−z²) · t · p(t) with t = 1 / (1 + z/2); p is a Chebyshev fit of degree 9 on the t of 0 ≤ z ≤ 10, in
// u = (2t − (a + b)) / (b − a), with relative error below 4·10⁻⁷ before that of the exponential.
float complementaryError(float z) {
    float t = 1.0 / (1.0 + 0.5 * z);
    float u = t * 2.384615385 - 1.384615385;
    float p = 4.950701168e-6;
    p = p * u - 5.619852163e-5;
    p = p * u + 1.241461086e-5;
    p = p * u + 6.075946148e-4;
    p = p * u - 6.666536210e-4;
    p = p * u - 6.289567333e-3;
    p = p * u + 6.241417956e-3;
    p = p * u + 1.032316014e-1;
    p = p * u + 3.270028532e-1;
    p = p * u + 5.699115396e-1;
    return exponential(-z * z) * t * p;
}

// x · Φ(x), through the tail of x's own sign, which does not cancel.
float gaussianErrorUnit(float x) {
    float tail = 0.5 * complementaryError(min(abs(x), 20.0) * 0.707106781);
    float result = x < 0.0 ? x * tail : x - x * tail;
    return isinf(x) ? max(x, 0.0) : result;
}

// cos and sin of 2π·turns for −½ ≤ turns ≤ ½: the nearest quarter turn, and Taylor polynomials within ±π/4 that leave less
// than 4·10⁻⁹.
vec2 cosSinOfTurns(float turns) {
    float quarters = roundEven(turns * 4.0);
    float angle = (turns - quarters * 0.25) * 6.28318531;
    float s = angle * angle;
    float sine = 1.0 / 362880.0;
    sine = sine * s - 1.0 / 5040.0;
    sine = sine * s + 1.0 / 120.0;
    sine = sine * s - 1.0 / 6.0;
    sine = angle + angle * (s * sine);
    float cosine = -1.0 / 3628800.0;
    cosine = cosine * s + 1.0 / 40320.0;
    cosine = cosine * s - 1.0 / 720.0;
    cosine = cosine * s + 1.0 / 24.0;
    cosine = 1.0 + s * (cosine * s - 0.5);
    int quadrant = int(quarters) & 3;
    vec2 turned = (quadrant & 1) == 0 ? vec2(cosine, sine) : vec2(sine, cosine);
    // cos is negative in quadrants 1 and 2, sin in 2 and 3.
    return vec2(quadrant == 1 || quadrant == 2 ? -turned.x : turned.x, quadrant >= 2 ? -turned.y : turned.y);
}
