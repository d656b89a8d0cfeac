#version 460
// One affine map a column, from the sums of fit/sums: an invocation for each column.
#include "common/arguments.glsl"
#include "common/compensated.glsl"
#include "fit/sums.glsl"

#define FIT_LINEAR 0u
#define FIT_MEAN 1u
#define FIT_GAUSSIAN 2u

layout(push_constant, scalar) uniform Arguments {
    Floats source;
    Floats target;
    // [partitions, FIT_SUMS, channels]
    Pairs sums;
    Floats result;
    uint sourceCount;
    uint targetCount;
    uint channels;
    uint partitions;
    uint method;
    float deadDeviation;
    float deadRatio;
    CHECK_BLOCK
} arguments;

bool isDead(vec2 deviation, vec2 mean) {
    return deviation.x <= max(arguments.deadDeviation, arguments.deadRatio * abs(mean.x));
}

// Σ(a − m_a)(b − m_b) from sums about other centres: Σa·b − Σa·Σb / n.
vec2 centredSum(vec2 products, vec2 sumA, vec2 sumB, uint count) {
    return pairDifference(products, pairQuotient(pairProduct(sumA, sumB), pairOf(count)));
}

vec2 deviationOf(vec2 squares, vec2 sum, uint count) {
    return pairRoot(pairQuotient(centredSum(squares, sum, sum, count), pairOf(max(count - 1u, 1u))));
}

void main() {
    FOR_EACH_ELEMENT(channel, arguments.channels) {
        vec2 sums[FIT_SUMS];
        [[unroll]] for (uint k = 0; k < FIT_SUMS; k++) sums[k] = vec2(0.0);
        for (uint part = 0; part < arguments.partitions; part++) {
            [[unroll]] for (uint k = 0; k < FIT_SUMS; k++) {
                sums[k] = pairSum(sums[k], arguments.sums[AT(2u, (part * FIT_SUMS + k) * arguments.channels + channel, 8u)].value);
            }
        }
        float sourceMiddle = arguments.source[AT(0u, arguments.sourceCount / 2u * arguments.channels + channel, 4u)].value;
        float targetMiddle = arguments.target[AT(1u, arguments.targetCount / 2u * arguments.channels + channel, 4u)].value;
        vec2 sourceMean = pairSum(vec2(sourceMiddle, 0.0), pairQuotient(sums[0], pairOf(arguments.sourceCount)));
        vec2 targetMean = pairSum(vec2(targetMiddle, 0.0), pairQuotient(sums[2], pairOf(arguments.targetCount)));
        vec2 sourceDeviation = deviationOf(sums[1], sums[0], arguments.sourceCount);
        vec2 targetDeviation = deviationOf(sums[3], sums[2], arguments.targetCount);

        vec2 omega = vec2(1.0, 0.0);
        vec2 beta = vec2(0.0);
        bool sourceIsDead = isDead(sourceDeviation, sourceMean);
        if (arguments.method == FIT_MEAN) {
            beta = pairDifference(targetMean, sourceMean);
        } else {
            bool isFitted = !sourceIsDead && (arguments.method == FIT_LINEAR || !isDead(targetDeviation, targetMean));
            if (isFitted) {
                if (arguments.method == FIT_GAUSSIAN) {
                    omega = pairQuotient(targetDeviation, sourceDeviation);
                } else {
                    uint steps = max(arguments.sourceCount, arguments.targetCount);
                    omega = pairQuotient(centredSum(sums[7], sums[4], sums[6], steps), centredSum(sums[5], sums[4], sums[4], steps));
                }
                beta = pairDifference(targetMean, pairProduct(omega, sourceMean));
            }
        }
        float values[6] = float[6](omega.x, beta.x, sourceMean.x, sourceDeviation.x, targetMean.x, targetDeviation.x);
        [[unroll]] for (uint i = 0; i < 6; i++) {
            arguments.result[AT(3u, i * arguments.channels + channel, 4u)].value = values[i];
        }
    }
}
