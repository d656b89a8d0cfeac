#version 460
// Row i of `rows` over row indices[i] of the destination, left out where there is no such row.
#include "common/arguments.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats rows;
    Integers indices;
    Floats destination;
    uint count;
    uint channels;
    uint destinationRows;
    CHECK_BLOCK
} arguments;

void main() {
    FOR_EACH_ELEMENT(i, arguments.count * arguments.channels) {
        uint index = uint(arguments.indices[AT(1u, i / arguments.channels, 4u)].value);
        if (index >= arguments.destinationRows) continue;
        uint element = index * arguments.channels + i % arguments.channels;
        arguments.destination[AT(2u, element, 4u)].value = arguments.rows[AT(0u, i, 4u)].value;
    }
}
