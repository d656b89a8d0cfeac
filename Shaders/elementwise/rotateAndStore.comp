#version 460
// Rotary position embedding of queries, in place, and of keys, which go into a cache of blocks with the values of their rows: an invocation
// for a row, a pair of channels (or a channel that is only copied), and some heads, which share the angle.
#include "common/arguments.glsl"
#include "elementwise/rope.glsl"

layout(constant_id = 4) const uint SOURCE_TYPE = 0;
// Of the cache.
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const bool INTERLEAVED = false;
layout(constant_id = 7) const bool HAS_FACTORS = false;
layout(constant_id = 8) const uint HEADS = 4;
const bool VECTOR = false;
#define PLACES_SLOT 6u

#include "movement/elements.glsl"
#include "movement/places.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats query;
    Floats key;
    Floats value;
    Integers positions;
    Pairs turns;
    // Or any buffer where there are none.
    Floats factors;
    PLACES_ADDRESSES
    Floats keyCache;
    Floats valueCache;
    uint rows;
    // The heads of keys above those of queries.
    uint heads;
    // The channels of a head, and above them those that turn.
    uint channels;
    PLACES_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_PLACES

#define STORE_CACHED(result, slot, to, turned) \
    { \
        if (RESULT_TYPE == TYPE_F32) (result)[AT(slot, to, 4u)].value = turned; \
        else Shorts(result)[AT(slot, to, 2u)].value = bitsOf(vec4(turned), RESULT_TYPE).x; \
    }

void main() {
    uint channels = arguments.channels & 0xFFFFu;
    uint pairs = (arguments.channels >> 16) / 2u;
    uint queryHeads = arguments.heads & 0xFFFFu;
    uint keyHeads = arguments.heads >> 16;
    uint columns = channels - pairs;
    uint queryGroups = (queryHeads + HEADS - 1u) / HEADS;
    uint groups = queryGroups + (keyHeads + HEADS - 1u) / HEADS;
    FOR_EACH_ELEMENT(i, arguments.rows * groups * columns) {
        uint column = i % columns;
        uint row = i / columns / groups;
        uint group = i / columns - row * groups;
        bool isKey = group >= queryGroups;
        uint heads = isKey ? keyHeads : queryHeads;
        uint firstHead = (isKey ? group - queryGroups : group) * HEADS;
        uint endHead = min(firstHead + HEADS, heads);
        uint place = 0u;
        if (isKey && !findPlace(row, place)) continue;
        uint from = row * heads * channels;
        uint to = place * heads * channels;
        if (column >= pairs) {
            // Queries that do not turn are where they belong.
            for (uint head = isKey ? firstHead : endHead; head < endHead; head++) {
                uint channel = head * channels + pairs + column;
                MOVE_UNIT(arguments.key, 1u, from + channel, arguments.keyCache, 9u, to + channel)
                MOVE_UNIT(arguments.value, 2u, from + channel, arguments.valueCache, 10u, to + channel)
            }
            continue;
        }
        float factor = 1.0;
        if (HAS_FACTORS) factor = arguments.factors[AT(5u, column, 4u)].value;
        uint position = uint(arguments.positions[AT(3u, row, 4u)].value);
        vec2 turn = cosSinOfPosition(position, arguments.turns[AT(4u, column, 8u)].value, HAS_FACTORS, factor);
        uint first = INTERLEAVED ? 2u * column : column;
        uint second = INTERLEAVED ? first + 1u : column + pairs;
        for (uint head = firstHead; head < endHead; head++) {
            uint a = head * channels + first;
            uint b = head * channels + second;
            if (isKey) {
                float xa = LOAD(arguments.key, 1u, from + a);
                float xb = LOAD(arguments.key, 1u, from + b);
                STORE_CACHED(arguments.keyCache, 9u, to + a, xa * turn.x - xb * turn.y)
                STORE_CACHED(arguments.keyCache, 9u, to + b, xa * turn.y + xb * turn.x)
                MOVE_UNIT(arguments.value, 2u, from + a, arguments.valueCache, 10u, to + a)
                MOVE_UNIT(arguments.value, 2u, from + b, arguments.valueCache, 10u, to + b)
            } else {
                float xa = LOAD(arguments.query, 0u, from + a);
                float xb = LOAD(arguments.query, 0u, from + b);
                STORE(arguments.query, 0u, from + a, xa * turn.x - xb * turn.y)
                STORE(arguments.query, 0u, from + b, xa * turn.y + xb * turn.x)
            }
        }
    }
}
