#version 460
// New keys and values of packed sequences into their places in a cache of blocks: key j of a sequence is row j % blockSize of its block
// j / blockSize. Those without a place are left out.
#include "common/arguments.glsl"

layout(constant_id = 4) const uint SOURCE_TYPE = 0;
layout(constant_id = 5) const uint RESULT_TYPE = 0;
layout(constant_id = 6) const bool VECTOR = false;

#include "movement/elements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats keys;
    Floats values;
    Integers queryStarts;
    Integers keyLengths;
    Integers blocks;
    Floats keyCache;
    Floats valueCache;
    uint rows;
    // Of a row, in units.
    uint channels;
    uint segments;
    uint blockSize;
    uint blocksPerSegment;
    uint blockCount;
    CHECK_BLOCK
} arguments;

// The row of the cache that a row goes to; false for none.
bool findPlace(uint row, out uint place) {
    place = 0u;
    // The last segment that begins at the row or before it.
    uint segment = 0u;
    [[dont_unroll]] for (uint count = arguments.segments; count > 1u;) {
        uint half_ = count / 2u;
        bool isBefore = arguments.queryStarts[AT(2u, segment + half_, 4u)].value <= int(row);
        segment += isBefore ? half_ : 0u;
        count = isBefore ? count - half_ : half_;
    }
    int start = arguments.queryStarts[AT(2u, segment, 4u)].value;
    int end = arguments.queryStarts[AT(2u, segment + 1u, 4u)].value;
    if (int(row) < start || int(row) >= end) return false;
    int key = arguments.keyLengths[AT(3u, segment, 4u)].value - end + int(row);
    if (key < 0 || uint(key) >= arguments.blocksPerSegment * arguments.blockSize) return false;
    uint column = uint(key) / arguments.blockSize;
    uint block = uint(arguments.blocks[AT(4u, segment * arguments.blocksPerSegment + column, 4u)].value);
    place = block * arguments.blockSize + (uint(key) - column * arguments.blockSize);
    return block < arguments.blockCount;
}

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
