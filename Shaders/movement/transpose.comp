#version 460
// A copy that exchanges the inner axis with another, a work-group of 32 × 8 for each tile of 32 × 32 elements: the tile goes through
// shared memory, so that both sides are read and written along memory. Rows of the tile have one word more than they need, so that
// columns lie in different banks.
#include "common/arguments.glsl"

layout(constant_id = 4) const bool TWO_BYTES = false;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words { uint value; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Shorts { uint16_t value; };

layout(push_constant, scalar) uniform Arguments {
    Words source;
    Words result;
    // The planes that are transposed.
    uint planes;
    // Of a plane: the axis that is the source's inner one, and the axis that is the result's.
    uint rows;
    uint columns;
    // The source's step along the columns and the result's along the rows.
    uint columnStep;
    uint rowStep;
    // The other axes, innermost first.
    uint extents[3];
    uint sourceSteps[3];
    uint resultSteps[3];
    CHECK_BLOCK
} arguments;

const uint EDGE = 32;

shared uint tile[EDGE * (EDGE + 1)];

void main() {
    uint tilesAcross = (arguments.columns + EDGE - 1u) / EDGE;
    uint tilesDown = (arguments.rows + EDGE - 1u) / EDGE;
    uint group = linearGroup();
    uint plane = group / (tilesAcross * tilesDown);
    if (plane >= arguments.planes) return;
    uint place = group - plane * (tilesAcross * tilesDown);
    uint firstRow = place / tilesAcross * EDGE;
    uint firstColumn = place % tilesAcross * EDGE;
    uint from = 0u;
    uint to = 0u;
    [[unroll]] for (uint axis = 0; axis < 3; axis++) {
        uint index = plane % arguments.extents[axis];
        plane /= arguments.extents[axis];
        from += index * arguments.sourceSteps[axis];
        to += index * arguments.resultSteps[axis];
    }
    uint x = gl_LocalInvocationID.x;
    for (uint y = gl_LocalInvocationID.y; y < EDGE; y += gl_WorkGroupSize.y) {
        if (firstRow + x < arguments.rows && firstColumn + y < arguments.columns) {
            uint index = from + firstRow + x + (firstColumn + y) * arguments.columnStep;
            tile[y * (EDGE + 1u) + x] =
                TWO_BYTES ? uint(Shorts(arguments.source)[AT(0u, index, 2u)].value) : arguments.source[AT(0u, index, 4u)].value;
        }
    }
    barrier();
    for (uint y = gl_LocalInvocationID.y; y < EDGE; y += gl_WorkGroupSize.y) {
        if (firstColumn + x < arguments.columns && firstRow + y < arguments.rows) {
            uint index = to + firstColumn + x + (firstRow + y) * arguments.rowStep;
            uint bits = tile[x * (EDGE + 1u) + y];
            if (TWO_BYTES) Shorts(arguments.result)[AT(1u, index, 2u)].value = uint16_t(bits);
            else arguments.result[AT(1u, index, 4u)].value = bits;
        }
    }
}
