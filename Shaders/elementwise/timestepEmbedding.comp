#version 460
// Cosines and sines of timesteps times frequencies, an invocation for each angle; an odd last channel is 0.
//
// As in rope, angles are counted in turns, whose whole part drops out exactly: `turns` holds the frequencies over 2π as pairs of floats.
#include "common/arguments.glsl"
#include "common/compensated.glsl"
#include "common/functions.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Pairs { vec2 value; };

layout(push_constant, scalar) uniform Arguments {
    Floats timesteps;
    Pairs turns;
    Floats result;
    uint rows;
    uint channels;
    uint cosinesFirst;
    CHECK_BLOCK
} arguments;

void main() {
    uint count = arguments.channels / 2u;
    FOR_EACH_ELEMENT(i, arguments.rows * count) {
        uint row = i / count;
        uint index = i - row * count;
        vec2 frequency = arguments.turns[AT(1u, index, 8u)].value;
        vec2 turns = pairProduct(vec2(arguments.timesteps[AT(0u, row, 4u)].value, 0.0), frequency);
        float whole = roundEven(turns.x);
        precise float part = (turns.x - whole) + turns.y;
        vec2 turn = cosSinOfTurns(part);
        uint place = row * arguments.channels + index;
        STORE(arguments.result, 2u, place, arguments.cosinesFirst != 0u ? turn.x : turn.y)
        STORE(arguments.result, 2u, place + count, arguments.cosinesFirst != 0u ? turn.y : turn.x)
        if (index == 0u && (arguments.channels & 1u) != 0u) STORE(arguments.result, 2u, (row + 1u) * arguments.channels - 1u, 0.0)
    }
}
