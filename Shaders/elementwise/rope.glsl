// The angles of rotary embeddings.
//
// The angle grows with the position, and a float's rounding with the angle. So it is counted in turns, whose whole part drops out
// exactly: `turns` holds base^(−2i/d) / 2π as a pair of floats, and the products are error-free.
#pragma once
#include "common/compensated.glsl"
#include "common/functions.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Pairs { vec2 value; };

// Cosine and sine of a position's angle.
//   turnsOfOne: For the position 1, as a pair of floats.
//   factor: What the frequency is divided by, where there are such.
vec2 cosSinOfPosition(uint position, vec2 turnsOfOne, bool hasFactor, float factor) {
    vec2 frequency = hasFactor ? pairQuotient(turnsOfOne, vec2(factor, 0.0)) : turnsOfOne;
    vec2 turns = pairProduct(pairOf(position), frequency);
    float whole = roundEven(turns.x);
    precise float part = (turns.x - whole) + turns.y;
    return cosSinOfTurns(part);
}
