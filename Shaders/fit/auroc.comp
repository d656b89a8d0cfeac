#version 460
// The AUROC of each column from the counts of fit/ranks: their sum over 2·n·m, divided as pairs of floats.
#include "common/arguments.glsl"
#include "common/compensated.glsl"

layout(push_constant, scalar) uniform Arguments {
    // [partitions, channels]
    Longs counts;
    Floats result;
    uint sourceCount;
    uint targetCount;
    uint channels;
    uint partitions;
    CHECK_BLOCK
} arguments;

vec2 pairOfLong(uint64_t n) {
    vec2 high = pairOf(uint(n >> 32));
    return pairSum(high * 4294967296.0, pairOf(uint(n & 0xFFFFFFFFul)));
}

void main() {
    FOR_EACH_ELEMENT(channel, arguments.channels) {
        uint64_t total = 0;
        for (uint part = 0; part < arguments.partitions; part++) {
            total += arguments.counts[AT(0u, part * arguments.channels + channel, 8u)].value;
        }
        uint64_t all = uint64_t(arguments.sourceCount) * arguments.targetCount * 2ul;
        arguments.result[AT(1u, channel, 4u)].value = pairQuotient(pairOfLong(total), pairOfLong(all)).x;
    }
}
