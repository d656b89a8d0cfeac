#version 460
// Quantiles of sorted columns, linear between the order statistics around them.
#include "common/arguments.glsl"

struct Level {
    // The order statistic below the level, and how far the level lies towards the next.
    uint lower;
    float fraction;
};

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    uint samples;
    uint channels;
    uint count;
    Level levels[8];
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count * arguments.channels) {
        uint channel = i % arguments.channels;
        Level level = arguments.levels[i / arguments.channels];
        float a = arguments.x[AT(0u, level.lower * arguments.channels + channel, 4u)].value;
        uint upper = min(level.lower + 1u, arguments.samples - 1u);
        float b = arguments.x[AT(0u, upper * arguments.channels + channel, 4u)].value;
        arguments.result[AT(1u, i, 4u)].value = a + level.fraction * (b - a);
    }
}
