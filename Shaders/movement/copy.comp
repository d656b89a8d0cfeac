#version 460
// Elements of one tensor over those of another, each with its own steps along up to five axes (StridedWalk on the host): concatenations,
// slices, permutations, broadcasting and conversions of the element type.
#include "common/arguments.glsl"

layout(constant_id = 4) const uint SOURCE_TYPE = 0;
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const bool VECTOR = false;
layout(constant_id = 7) const uint AXES = 1;

#include "movement/elements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats source;
    Floats result;
    uint count;
    // Innermost first. All are in units.
    uint extents[5];
    uint sourceSteps[5];
    uint resultSteps[5];
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint rest = i;
        uint from = 0u;
        uint to = 0u;
        [[unroll]] for (uint axis = 0; axis < AXES; axis++) {
            uint outer = axis + 1u < AXES ? rest / arguments.extents[axis] : 0u;
            uint index = rest - outer * arguments.extents[axis];
            from += index * arguments.sourceSteps[axis];
            to += index * arguments.resultSteps[axis];
            rest = outer;
        }
        MOVE_UNIT(arguments.source, 0u, from, arguments.result, 1u, to)
    }
}
