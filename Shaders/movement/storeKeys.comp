#version 460
// New keys and values of packed sequences into their places in a cache of blocks: key j of a sequence is row j % blockSize of its block
// j / blockSize. Those without a place are left out.
#include "common/arguments.glsl"

layout(constant_id = 4) const uint SOURCE_TYPE = 0;
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const bool VECTOR = false;

#define PLACES_SLOT 2u

#include "movement/elements.glsl"
#include "movement/places.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats keys;
    Floats values;
    PLACES_ADDRESSES
    Floats keyCache;
    Floats valueCache;
    uint rows;
    // Of a row, in units.
    uint channels;
    PLACES_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_PLACES

void main() {
    uint count = arguments.rows * arguments.channels;
    FOR_EACH_ELEMENT(i, 2u * count) {
        uint from = i < count ? i : i - count;
        uint row = from / arguments.channels;
        uint place;
        if (findPlace(row, place)) {
            uint to = place * arguments.channels + (from - row * arguments.channels);
            if (i < count) {
                MOVE_UNIT(arguments.keys, 0u, from, arguments.keyCache, 5u, to)
            } else {
                MOVE_UNIT(arguments.values, 1u, from, arguments.valueCache, 6u, to)
            }
        }
    }
}
