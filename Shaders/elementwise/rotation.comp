#version 460
// Rotary position embedding by given angles. An invocation takes WIDTH pairs of a head, or as many channels that are only copied.
#include "common/arguments.glsl"

layout(constant_id = 4) const bool INTERLEAVED = false;
// 4 where heads, pairs and angles are multiples of 4 and begin at multiples of 16 bytes; otherwise 1.
layout(constant_id = 5) const uint WIDTH = 1;

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats cosines;
    Floats sines;
    Floats result;
    // Heads of all rows.
    uint heads;
    uint headsOfRow;
    // The rows of angles, which repeat.
    uint angleRows;
    // In groups of WIDTH: the channels of a head, and the pairs that turn.
    uint channels;
    uint pairs;
    CHECK_BLOCK
} arguments;

void turn(vec4 a, vec4 b, vec4 cosine, vec4 sine, out vec4 first, out vec4 second) {
    first = a * cosine - b * sine;
    second = a * sine + b * cosine;
}

void main() {
    uint columns = arguments.channels - arguments.pairs;
    FOR_EACH_ELEMENT(i, arguments.heads * columns) {
        uint head = i / columns;
        uint column = i - head * columns;
        uint start = head * arguments.channels;
        if (column >= arguments.pairs) {
            uint index = start + arguments.pairs + column;
            if (WIDTH == 4u) STORE4(arguments.result, 3u, index, LOAD4(arguments.x, 0u, index))
            else STORE(arguments.result, 3u, index, LOAD(arguments.x, 0u, index))
            continue;
        }
        uint angle = head / arguments.headsOfRow % arguments.angleRows * arguments.pairs + column;
        uint first = INTERLEAVED ? start + 2u * column : start + column;
        uint second = INTERLEAVED ? first + 1u : first + arguments.pairs;
        vec4 turnedFirst, turnedSecond;
        if (WIDTH == 4u) {
            vec4 cosine = Float4s(arguments.cosines)[AT(1u, angle, 16u)].value;
            vec4 sine = Float4s(arguments.sines)[AT(2u, angle, 16u)].value;
            vec4 a = LOAD4(arguments.x, 0u, first);
            vec4 b = LOAD4(arguments.x, 0u, second);
            if (INTERLEAVED) {
                turn(vec4(a.xz, b.xz), vec4(a.yw, b.yw), cosine, sine, turnedFirst, turnedSecond);
                a = vec4(turnedFirst.x, turnedSecond.x, turnedFirst.y, turnedSecond.y);
                b = vec4(turnedFirst.z, turnedSecond.z, turnedFirst.w, turnedSecond.w);
            } else {
                turn(a, b, cosine, sine, turnedFirst, turnedSecond);
                a = turnedFirst;
                b = turnedSecond;
            }
            STORE4(arguments.result, 3u, first, a)
            STORE4(arguments.result, 3u, second, b)
        } else {
            vec4 cosine = vec4(arguments.cosines[AT(1u, angle, 4u)].value);
            vec4 sine = vec4(arguments.sines[AT(2u, angle, 4u)].value);
            turn(vec4(LOAD(arguments.x, 0u, first)), vec4(LOAD(arguments.x, 0u, second)), cosine, sine, turnedFirst, turnedSecond);
            STORE(arguments.result, 3u, first, turnedFirst.x)
            STORE(arguments.result, 3u, second, turnedSecond.x)
        }
    }
}
