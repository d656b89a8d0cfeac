// What the kernels of attention have in common: their arguments, the tile of queries that a work-group has, and the keys it sees.
//
// The rows of a tile are queries of one key head: query q and head h of the group are row q · group + h, so that grouped heads
// share each key and value that is loaded.
#pragma once

// Keys and values are f32 or f16, whatever the type of the queries and the result is.
layout(constant_id = 4) const bool KEYS_ARE_HALF = false;
// What the bias is: bit 0 there is one, bit 1 f16, bit 2 one for each head, bit 3 one for each segment. Bit 4: a row's sums are the same
// whatever other rows and segments there are. The bits above are the keys of a block of the cache, 0 where all keys of a segment lie in one.
layout(constant_id = 5) const uint FORM = 0;
const bool HAS_BIAS = (FORM & 1u) != 0u;
const bool IS_INVARIANT = (FORM & 16u) != 0u;
const uint BLOCK_SIZE = FORM >> 5;

layout(push_constant, scalar) uniform Arguments {
    Floats queries;
    Floats keys;
    Floats values;
    Integers queryStarts;
    Integers keyLengths;
    // The blocks of each segment's keys, one segment after the other.
    Integers blocks;
    // Any buffer where there is none.
    Floats bias;
    // The result; the parts (attention/partials.glsl) where `splits` is more than 1.
    Floats result;
    uint heads;
    uint keyHeads;
    uint channels;
    // The most keys of a segment: those of all its blocks.
    uint keyCapacity;
    uint segments;
    // The tiles launched for each segment and key head.
    uint tiles;
    // The positions a query sees, its own included; 0 where it sees all keys, before and after it.
    uint window;
    float scale;
    // 0 for none.
    float softCap;
    // The rows of the queries and the blocks of the keys.
    uint rows;
    uint blockCount;
    // The work-groups that share the keys of a tile.
    uint splits;
    // The last two extents of the bias.
    uint biasQueries;
    uint biasKeys;
    CHECK_BLOCK
} arguments;

// The distances first, 2·first … below `end` (powers of two, at most 64) between lanes that are folded. Mesa unrolls a loop with a step
// and not one with a factor, and llvmpipe counts every iteration of a loop that stays.
#define FOR_EACH_DISTANCE(distance, first, end) \
    [[unroll]] for (uint power_ = 0, distance = 1; power_ < 6u; power_++, distance = 1u << power_) \
        if (distance >= (first) && distance < (end))

// The largest score of no key: the lowest float and not −∞, whose difference from itself is no number.
const float LOWEST = -3.402823466e38;

struct Tile {
    uint segment;
    uint keyHead;
    uint split;
    // The part of a head whose values are summed.
    uint part;
    // The query heads of a key head.
    int group;
    // The first row of the segment's queries, and how many there are.
    int firstRow;
    int queryCount;
    int keyCount;
    // Rows start ..< end of the segment are the tile's.
    int start;
    int end;
    // Where the key head's first key lies among the elements (of the first block of all, where there are several to a segment), and from one
    // key to the next.
    uint cacheStart;
    uint keyStride;
    // The keys that some row of the tile sees, those of the split.
    int keyStart;
    int keyEnd;
    // The last of them; 0 where there are none: addresses lie within the cache even where a device computes them for no lane.
    int lastKey;
};

// The position of a row's query among the keys.
int positionOf(Tile tile, int row) { return tile.keyCount - tile.queryCount + row / tile.group; }

// Where a row lies among the queries' heads.
uint headIndex(Tile tile, int row) {
    return uint(tile.firstRow + row / tile.group) * arguments.heads + tile.keyHead * uint(tile.group) + uint(row % tile.group);
}

// The tile of a work-group with tiles of `rows` rows, of heads in `parts`; false where there is nothing to do. Where a row is not to depend on
// others, keys are taken from a multiple of `stretch` on, wherever the first lies that the tile's rows see, and a split is a stretch.
bool findTile(int rows, uint parts, uint stretch, out Tile tile) {
    uint group = linearGroup();
    tile.part = group % parts;
    group /= parts;
    tile.split = group % arguments.splits;
    group /= arguments.splits;
    tile.start = int(group % arguments.tiles) * rows;
    group /= arguments.tiles;
    tile.keyHead = group % arguments.keyHeads;
    tile.segment = group / arguments.keyHeads;
    if (tile.segment >= arguments.segments) return false;

    tile.firstRow = max(arguments.queryStarts[AT(3u, tile.segment, 4u)].value, 0);
    tile.queryCount = min(arguments.queryStarts[AT(3u, tile.segment + 1u, 4u)].value, int(arguments.rows)) - tile.firstRow;
    tile.keyCount = clamp(arguments.keyLengths[AT(4u, tile.segment, 4u)].value, 0, int(arguments.keyCapacity));
    tile.group = int(arguments.heads / arguments.keyHeads);
    tile.end = min(tile.start + rows, tile.queryCount * tile.group);
    tile.keyStride = arguments.keyHeads * arguments.channels;
    tile.cacheStart = tile.keyHead * arguments.channels;
    if (tile.start >= tile.end) return false;
    if (BLOCK_SIZE == 0u) {
        uint block = uint(arguments.blocks[AT(5u, tile.segment, 4u)].value);
        tile.cacheStart += block * arguments.keyCapacity * tile.keyStride;
        if (block >= arguments.blockCount) return false;
    }

    tile.keyStart = 0;
    tile.keyEnd = tile.keyCount;
    if (arguments.window != 0u) {
        tile.keyStart = max(0, positionOf(tile, tile.start) - int(arguments.window) + 1);
        tile.keyEnd = clamp(positionOf(tile, tile.end - 1) + 1, 0, tile.keyCount);
    }
    if (IS_INVARIANT) tile.keyStart = tile.keyStart / int(stretch) * int(stretch);
    if (arguments.splits > 1u) {
        int part = IS_INVARIANT ? int(stretch) : max(tile.keyEnd - tile.keyStart + int(arguments.splits) - 1, 0) / int(arguments.splits);
        tile.keyStart += int(tile.split) * part;
        tile.keyEnd = min(tile.keyEnd, tile.keyStart + part);
    }
    tile.lastKey = max(tile.keyEnd - 1, 0);
    return true;
}

// Where a key of the tile lies among the elements.
uint keyElement(Tile tile, int key) {
    uint row = uint(key);
    if (BLOCK_SIZE > 0u) {
        uint column = row / BLOCK_SIZE;
        uint block = uint(arguments.blocks[AT(5u, tile.segment * (arguments.keyCapacity / BLOCK_SIZE) + column, 4u)].value);
        row = min(block, arguments.blockCount - 1u) * BLOCK_SIZE + (row - column * BLOCK_SIZE);
    }
    return tile.cacheStart + row * tile.keyStride;
}

// Whether the query at a position sees a key of the tile.
bool isVisible(Tile tile, int position, int key) {
    if (arguments.window == 0u) return key < tile.keyEnd;
    return key < tile.keyEnd && key <= position && key > position - int(arguments.window);
}

// Where the bias of a row's first key lies.
uint biasStart(Tile tile, int row) {
    uint head = (FORM & 4u) != 0u ? tile.keyHead * uint(tile.group) + uint(row % tile.group) : 0u;
    uint heads = (FORM & 4u) != 0u ? arguments.heads : 1u;
    uint segment = (FORM & 8u) != 0u ? tile.segment : 0u;
    // An extent of 1 holds for all queries.
    uint query = min(uint(row / tile.group), arguments.biasQueries - 1u);
    return ((segment * heads + head) * arguments.biasQueries + query) * arguments.biasKeys;
}

// Scores are in units of ln 2, so that a weight is 2 to the power of a score: exp2 is one instruction of most devices, and errs by 3 + 2·|x|
// units in the last place of a result whose x is the difference from the largest score.
const float LOG2_E = 1.44269504;

// What queries are multiplied by.
float queryScale() { return arguments.softCap == 0.0 ? arguments.scale * LOG2_E : arguments.scale; }

// A score of queries with that scale, with the cap.
float capped(float score) {
    return arguments.softCap == 0.0 ? score : arguments.softCap * LOG2_E * hyperbolicTangent(score / arguments.softCap);
}

// A bias of −∞ hides a key; the lowest numbers, which stay above it, do not.
float biasAt(uint start, int key) {
    float bias = LOAD_AS((FORM & 2u) != 0u, arguments.bias, 6u, start + min(uint(key), arguments.biasKeys - 1u));
    return bias < LOWEST ? bias : max(bias * LOG2_E, LOWEST);
}
