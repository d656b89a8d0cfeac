// The pointwise functions, numbered as the host numbers them; of ±∞ they are their limits.
#pragma once
#include "common/functions.glsl"

#define ACTIVATION_SILU 1u
#define ACTIVATION_GELU 2u
#define ACTIVATION_GELU_TANH 3u
#define ACTIVATION_GELU_QUICK 4u
#define ACTIVATION_RELU 5u
#define ACTIVATION_SIGMOID 6u
#define ACTIVATION_TANH 7u

// x, and the lowest number in the place of −∞: what is multiplied by a factor that tends to 0 faster than x grows. NaN stays NaN.
float boundedBelow(float x) { return x < -3.402823466e38 ? -3.402823466e38 : x; }

float activated(float x, uint kind) {
    switch (kind) {
    case ACTIVATION_SILU:
        return boundedBelow(x) * logistic(x);
    case ACTIVATION_GELU:
        return gaussianErrorUnit(x);
    case ACTIVATION_GELU_TANH:
        // (1 + tanh u) / 2 is the logistic function of 2u, which does not cancel for negative u.
        return boundedBelow(x) * logistic(2.0 * 0.797884561 * (x + 0.044715 * x * x * x));
    case ACTIVATION_GELU_QUICK:
        return boundedBelow(x) * logistic(1.702 * x);
    case ACTIVATION_RELU:
        return x < 0.0 ? 0.0 : x;
    case ACTIVATION_SIGMOID:
        return logistic(x);
    case ACTIVATION_TANH:
        return hyperbolicTangent(x);
    default:
        return x;
    }
}
