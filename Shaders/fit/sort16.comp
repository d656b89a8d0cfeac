#version 460
// The first pass of sorting columns: every 16 consecutive elements of a column in order, in registers. NaN goes last.
#include "common/arguments.glsl"
#include "fit/columnElements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    uint samples;
    uint channels;
    CHECK_BLOCK
} arguments;

void main() {
    uint groups = (arguments.samples + 15u) / 16u;
    FOR_EACH_ELEMENT(i, groups * arguments.channels) {
        uint channel = i % arguments.channels;
        uint first = (i / arguments.channels) * 16u;
        uint keys[16];
        [[unroll]] for (uint r = 0; r < 16; r++) LOAD_KEY(keys[r], arguments.x, 0u, first + r)
        [[unroll]] for (uint t = 1; t <= 4; t++) {
            uint block = 1u << t;
            [[unroll]] for (uint r = 0; r < 16; r++) {
                uint partner = r ^ (block - 1u);
                if (r < partner) COMPARE(keys, r, partner)
            }
            [[unroll]] for (uint bit = block / 4u; bit >= 1u; bit /= 2u) {
                [[unroll]] for (uint r = 0; r < 16; r++) {
                    if ((r & bit) == 0u) COMPARE(keys, r, r | bit)
                }
            }
        }
        [[unroll]] for (uint r = 0; r < 16; r++) STORE_KEY(keys[r], arguments.result, 1u, first + r)
    }
}
