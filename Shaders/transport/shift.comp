// variants: WIDTH = 1 4
#version 460
// The last step of a channelMean map: a shift for each channel of each image, and then a pointwise function.
#include "common/arguments.glsl"
#include "common/activations.glsl"
#include "common/transport.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // [images, channels]
    Floats shifts;
    Floats result;
    // Elements over WIDTH, and so the channels.
    uint count;
    uint units;
    uint pixels;
    uint activation;
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint shift = i / arguments.units / arguments.pixels * arguments.units + i % arguments.units;
#if WIDTH == 4
        vec4 x = LOAD4(arguments.x, 0u, i);
        vec4 by = Float4s(arguments.shifts)[AT(1u, shift, 16u)].value;
        [[unroll]] for (uint j = 0; j < 4u; j++) x[j] = activated(shifted(x[j], by[j]), arguments.activation);
        STORE4(arguments.result, 2u, i, x)
#else
        float y = shifted(LOAD(arguments.x, 0u, i), arguments.shifts[AT(1u, shift, 4u)].value);
        STORE(arguments.result, 2u, i, activated(y, arguments.activation))
#endif
    }
}
