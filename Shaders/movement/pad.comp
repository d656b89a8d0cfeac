#version 460
// A tensor with more elements before and after it along up to five axes: a constant, the tensor mirrored, or its first and last elements.
#include "common/arguments.glsl"

#define PADDING_CONSTANT 0u
#define PADDING_REFLECT 1u
#define PADDING_REPLICATE 2u

layout(constant_id = 4) const uint PADDING = PADDING_CONSTANT;
layout(constant_id = 5) const bool VECTOR = false;
layout(constant_id = 6) const uint AXES = 1;

const uint SOURCE_TYPE = ACTIVATIONS_ARE_HALF ? 1u : 0u;
const uint RESULT_TYPE = RESULTS_ARE_HALF ? 1u : 0u;

#include "movement/elements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    uint count;
    // The bits of the constant.
    uint constant;
    // Innermost first, that in units.
    uint extents[5];
    int before[5];
    uint resultExtents[5];
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint rest = i;
        uint from = 0u;
        uint stride = 1u;
        bool exists = true;
        [[unroll]] for (uint axis = 0; axis < AXES; axis++) {
            uint outer = axis + 1u < AXES ? rest / arguments.resultExtents[axis] : 0u;
            int place = int(rest - outer * arguments.resultExtents[axis]) - arguments.before[axis];
            int last = int(arguments.extents[axis]) - 1;
            if (PADDING == PADDING_REFLECT) {
                place = abs(place);
                place = place > last ? 2 * last - place : place;
            } else if (PADDING == PADDING_REPLICATE) {
                place = clamp(place, 0, last);
            } else {
                exists = exists && place >= 0 && place <= last;
            }
            from += uint(place) * stride;
            stride *= arguments.extents[axis];
            rest = outer;
        }
        if (exists) MOVE_UNIT(arguments.x, 0u, from, arguments.result, 1u, i)
        else FILL_UNIT(arguments.result, 1u, i, arguments.constant)
    }
}
