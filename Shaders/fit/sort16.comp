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
        SORT_SIXTEEN(keys)
        [[unroll]] for (uint r = 0; r < 16; r++) STORE_KEY(keys[r], arguments.result, 1u, first + r)
    }
}
