#version 460
// Rows by their indices: row i over row indices[i] (SCATTER), or row indices[i] over row i. A row that is not there is left out, or is
// a row of zeros.
#include "common/arguments.glsl"

layout(constant_id = 4) const uint SOURCE_TYPE = 0;
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const bool VECTOR = false;
layout(constant_id = 7) const bool SCATTER = false;

#include "movement/elements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats source;
    Integers indices;
    Floats result;
    uint count;
    // Of a row, in units.
    uint channels;
    // The rows that indices choose among.
    uint rows;
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count * arguments.channels) {
        uint row = i / arguments.channels;
        uint column = i - row * arguments.channels;
        uint index = uint(arguments.indices[AT(1u, row, 4u)].value);
        if (index < arguments.rows) {
            uint there = index * arguments.channels + column;
            MOVE_UNIT(arguments.source, 0u, (SCATTER ? i : there), arguments.result, 2u, (SCATTER ? there : i))
        } else if (!SCATTER) {
            FILL_UNIT(arguments.result, 2u, i, 0u)
        }
    }
}
