#version 460
// Rotary position embedding, an invocation for each row and pair of channels (or channel that is only copied), over all heads.
//
// The angle grows with the position, and a float's rounding with the angle. So it is counted in turns, whose whole part drops out
// exactly: `turns` holds base^(−2i/d) / 2π as a pair of floats, and the products are error-free.
#include "common/arguments.glsl"
#include "common/compensated.glsl"
#include "common/functions.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Pairs { vec2 value; };

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
        vec2 frequency = arguments.turns[AT(2u, column, 8u)].value;
        if (arguments.hasFactors != 0u) {
            frequency = pairQuotient(frequency, vec2(arguments.factors[AT(3u, column, 4u)].value, 0.0));
        }
        uint position = uint(arguments.positions[AT(1u, row, 4u)].value);
        vec2 turns = pairProduct(pairOf(position), frequency);
        float whole = roundEven(turns.x);
        precise float part = (turns.x - whole) + turns.y;
        vec2 turn = cosSinOfTurns(part);
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
