// The places of new keys of packed sequences in a cache of blocks: key j of a sequence is row j % blockSize of its block j / blockSize.
//
// The kernel has the arguments queryStarts, keyLengths and blocks from place PLACES_SLOT on, and the numbers of PLACES_NUMBERS.
#pragma once

#define PLACES_ADDRESSES Integers queryStarts; Integers keyLengths; Integers blocks;
#define PLACES_NUMBERS uint segments; uint blockSize; uint blocksPerSegment; uint blockCount;

// The row of the cache that a row goes to; false for none.
#define DEFINE_PLACES \
    bool findPlace(uint row, out uint place) { \
        place = 0u; \
        /* The last segment that begins at the row or before it. */ \
        uint segment = 0u; \
        [[dont_unroll]] for (uint count = arguments.segments; count > 1u;) { \
            uint half_ = count / 2u; \
            bool isBefore = arguments.queryStarts[AT(PLACES_SLOT, segment + half_, 4u)].value <= int(row); \
            segment += isBefore ? half_ : 0u; \
            count = isBefore ? count - half_ : half_; \
        } \
        int start = arguments.queryStarts[AT(PLACES_SLOT, segment, 4u)].value; \
        int end = arguments.queryStarts[AT(PLACES_SLOT, segment + 1u, 4u)].value; \
        if (int(row) < start || int(row) >= end) return false; \
        int key = arguments.keyLengths[AT(PLACES_SLOT + 1u, segment, 4u)].value - end + int(row); \
        if (key < 0 || uint(key) >= arguments.blocksPerSegment * arguments.blockSize) return false; \
        uint column = uint(key) / arguments.blockSize; \
        uint block = uint(arguments.blocks[AT(PLACES_SLOT + 2u, segment * arguments.blocksPerSegment + column, 4u)].value); \
        place = block * arguments.blockSize + (uint(key) - column * arguments.blockSize); \
        return block < arguments.blockCount; \
    }
