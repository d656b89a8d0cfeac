#version 460
// Rotary position embedding, an invocation for each row and pair of channels (or channel that is only copied), over all heads.
#include "common/arguments.glsl"
#include "elementwise/rope.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Integers positions;
    Pairs turns;
    // Or any buffer where `hasFactors` is 0.
    Floats factors;
    Floats result;
    uint rows;
    uint heads;
    uint channels;
    // The channels of a head that turn.
    uint dimensions;
    uint interleaved;
    uint hasFactors;
    CHECK_BLOCK
} arguments;

void main() {
    uint pairs = arguments.dimensions / 2u;
    uint columns = arguments.channels - pairs;
    FOR_EACH_ELEMENT(i, arguments.rows * columns) {
        uint row = i / columns;
        uint column = i % columns;
        uint start = row * arguments.heads * arguments.channels;
        if (column >= pairs) {
            for (uint head = 0; head < arguments.heads; head++) {
                uint index = start + head * arguments.channels + pairs + column;
                STORE(arguments.result, 4u, index, LOAD(arguments.x, 0u, index))
            }
            continue;
        }
        float factor = 1.0;
        if (arguments.hasFactors != 0u) factor = arguments.factors[AT(3u, column, 4u)].value;
        uint position = uint(arguments.positions[AT(1u, row, 4u)].value);
        vec2 turn = cosSinOfPosition(position, arguments.turns[AT(2u, column, 8u)].value, arguments.hasFactors != 0u, factor);
        uint first = arguments.interleaved != 0u ? 2u * column : column;
        uint second = arguments.interleaved != 0u ? first + 1u : column + pairs;
        for (uint head = 0; head < arguments.heads; head++) {
            uint a = start + head * arguments.channels + first;
            uint b = start + head * arguments.channels + second;
            float xa = LOAD(arguments.x, 0u, a);
            float xb = LOAD(arguments.x, 0u, b);
            STORE(arguments.result, 4u, a, xa * turn.x - xb * turn.y)
            STORE(arguments.result, 4u, b, xa * turn.y + xb * turn.x)
        }
    }
}
