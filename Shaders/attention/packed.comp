#version 460
// Attention over packed sequences with the online softmax (Milakov & Gimelshein 2018), a subgroup for each tile of query rows.
//
// The rows of a tile are queries of one key head: query q and head h of the group are row q · group + h, so that grouped heads
// share each key and value that is loaded, in decoding too. Keys go by as many at a time as there are lanes, one a lane for the
// scores; values go by with the lanes over their channels. Nothing needs a barrier.
//
// Where there are fewer tiles than a device has room for, as in decoding, several subgroups share the keys of a tile; each leaves
// its sums to attention/combine.
#include "common/arguments.glsl"
#include "common/functions.glsl"
#include "common/registers.glsl"
#include "attention/partials.glsl"

// The lanes of a subgroup, which is the whole work-group.
layout(constant_id = 4) const uint LANES = 8;
layout(constant_id = 5) const uint TILE_ROWS = 4;
// How often the lanes go over a head, two channels each: ⌈channels / (2 · LANES)⌉.
layout(constant_id = 6) const uint SPANS = 4;
// Whether heads are an even number of channels and begin at multiples of 8 bytes.
layout(constant_id = 7) const bool PAIRED = true;

layout(push_constant, scalar) uniform Arguments {
    Floats queries;
    Floats keys;
    Floats values;
    Integers queryStarts;
    Integers keyLengths;
    Integers slots;
    Floats result;
    // Or any buffer where `splits` is 1.
    Floats partials;
    uint heads;
    uint keyHeads;
    uint channels;
    uint keyCapacity;
    uint segments;
    // The tiles launched for each segment and key head.
    uint tiles;
    uint causal;
    // 0 for none.
    uint window;
    float scale;
    // 0 for none.
    float softCap;
    // The rows of the queries and the slots of the keys.
    uint rows;
    uint slotCount;
    // The subgroups that share the keys of a tile.
    uint splits;
    CHECK_BLOCK
} arguments;

// Channels `channel` and the next of the head at `start`, zeros beyond its end.
#define LOAD_PAIR(pair, argument, slot, start, channel) \
    vec2 pair = vec2(0.0); \
    if (PAIRED) { \
        uint pairIndex = ((start) + min(channel, arguments.channels - 2u)) / 2u; \
        pair = uintBitsToFloat(unpackUint2x32(Longs(argument)[AT(slot, pairIndex, 8u)].value)); \
    } else { \
        uint last = arguments.channels - 1u; \
        pair.x = argument[AT(slot, (start) + min(channel, last), 4u)].value; \
        pair.y = argument[AT(slot, (start) + min(channel + 1u, last), 4u)].value; \
        pair.y = channel + 1u < arguments.channels ? pair.y : 0.0; \
    } \
    pair = channel < arguments.channels ? pair : vec2(0.0);

float lanesMaximum(float x) {
    [[unroll]] for (uint distance = 1; distance < LANES; distance *= 2u) x = max(x, subgroupShuffle(x, gl_SubgroupInvocationID ^ distance));
    return x;
}

float lanesSum(float x) {
    [[unroll]] for (uint distance = 1; distance < LANES; distance *= 2u) x += subgroupShuffle(x, gl_SubgroupInvocationID ^ distance);
    return x;
}

// Where a tile's row lies among the queries' heads.
uint headIndex(int row, int firstRow, int groupSize, uint keyHead) {
    return uint(firstRow + row / groupSize) * arguments.heads + keyHead * uint(groupSize) + uint(row % groupSize);
}

void main() {
    uint lane = gl_SubgroupInvocationID;
    uint group = linearGroup();
    uint split = group % arguments.splits;
    group /= arguments.splits;
    uint tile = group % arguments.tiles;
    group /= arguments.tiles;
    uint keyHead = group % arguments.keyHeads;
    uint segment = group / arguments.keyHeads;
    if (segment >= arguments.segments) return;

    int firstRow = max(arguments.queryStarts[AT(3u, segment, 4u)].value, 0);
    int queryEnd = min(arguments.queryStarts[AT(3u, segment + 1u, 4u)].value, int(arguments.rows));
    int queryCount = queryEnd - firstRow;
    int keyCount = clamp(arguments.keyLengths[AT(4u, segment, 4u)].value, 0, int(arguments.keyCapacity));
    uint slot = uint(arguments.slots[AT(5u, segment, 4u)].value);
    int groupSize = int(arguments.heads / arguments.keyHeads);
    int tileStart = int(tile * TILE_ROWS);
    int tileEnd = min(tileStart + int(TILE_ROWS), queryCount * groupSize);
    if (tileStart >= tileEnd || slot >= arguments.slotCount) return;

    int positions[TILE_ROWS];
    vec2 queries[TILE_ROWS * SPANS];
    vec2 sums[TILE_ROWS * SPANS];
    float largest[TILE_ROWS];
    float weights[TILE_ROWS];
    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
        positions[r] = keyCount - queryCount + min(tileStart + int(r), tileEnd - 1) / groupSize;
        // The lowest float and not −∞, whose difference from itself is no number.
        largest[r] = -3.402823466e38;
        weights[r] = 0.0;
    }
    [[unroll]] for (uint i = 0; i < TILE_ROWS * SPANS; i++) {
        queries[i] = vec2(0.0);
        sums[i] = vec2(0.0);
    }
    // Loads and stores stand once in a loop, and registers are chosen by their number: unrolled, they would be most of the code.
    [[dont_unroll]] for (uint i = 0; i < TILE_ROWS * SPANS; i++) {
        int row = min(tileStart + int(i / SPANS), tileEnd - 1);
        uint start = headIndex(row, firstRow, groupSize, keyHead) * arguments.channels;
        uint channel = 2u * (i % SPANS * LANES + lane);
        LOAD_PAIR(query, arguments.queries, 0u, start, channel)
        [[unroll]] for (uint j = 0; j < TILE_ROWS * SPANS; j++) queries[j] = j == i ? query * arguments.scale : queries[j];
    }
    int keyStart = 0;
    int keyEnd = keyCount;
    if (arguments.causal != 0u) {
        keyEnd = min(keyCount, positions[TILE_ROWS - 1u] + 1);
        if (arguments.window != 0u) keyStart = max(0, positions[0] - int(arguments.window) + 1);
    }
    if (arguments.splits > 1u) {
        int part = max(keyEnd - keyStart + int(arguments.splits) - 1, 0) / int(arguments.splits);
        keyStart += int(split) * part;
        keyEnd = min(keyEnd, keyStart + part);
    }
    uint rowElements = arguments.keyHeads * arguments.channels;
    uint cacheStart = slot * arguments.keyCapacity * rowElements + keyHead * arguments.channels;

    [[dont_unroll]] for (int base = keyStart; base < keyEnd; base += int(LANES)) {
        // Lanes past the end read the last key again and get no weight.
        int key = base + int(lane);
        uint keyRow = cacheStart + uint(min(key, keyEnd - 1)) * rowElements;
        float scores[TILE_ROWS];
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) scores[r] = 0.0;
        [[dont_unroll]] for (uint l = 0; l < LANES; l++) {
            [[unroll]] for (uint s = 0; s < SPANS; s++) {
                uint channel = 2u * (s * LANES + l);
                LOAD_PAIR(k, arguments.keys, 1u, keyRow, channel)
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                    vec2 query = queries[r * SPANS + s];
                    scores[r] += subgroupShuffle(query.x, l) * k.x;
                    scores[r] += subgroupShuffle(query.y, l) * k.y;
                }
            }
        }
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            float score = scores[r];
            if (arguments.softCap != 0.0) score = arguments.softCap * hyperbolicTangent(score / arguments.softCap);
            bool seen = key < keyEnd;
            if (arguments.causal != 0u) {
                seen = seen && key <= positions[r];
                if (arguments.window != 0u) seen = seen && key > positions[r] - int(arguments.window);
            }
            float lowest = -3.402823466e38;
            float maximum = max(largest[r], lanesMaximum(seen ? score : lowest));
            float decay = exponential(largest[r] - maximum);
            float weight = seen ? exponential(score - maximum) : 0.0;
            largest[r] = maximum;
            weights[r] = weights[r] * decay + weight;
            scores[r] = weight;
            [[unroll]] for (uint s = 0; s < SPANS; s++) sums[r * SPANS + s] *= decay;
        }
        [[dont_unroll]] for (uint l = 0; l < LANES; l++) {
            uint valueRow = cacheStart + uint(min(base + int(l), keyEnd - 1)) * rowElements;
            [[unroll]] for (uint s = 0; s < SPANS; s++) {
                uint channel = 2u * (s * LANES + lane);
                LOAD_PAIR(v, arguments.values, 2u, valueRow, channel)
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) sums[r * SPANS + s] += subgroupShuffle(scores[r], l) * v;
            }
        }
    }

    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) weights[r] = lanesSum(weights[r]);
    [[dont_unroll]] for (uint i = 0; i < TILE_ROWS * SPANS; i++) {
        int row = tileStart + int(i / SPANS);
        if (row >= tileEnd) break;
        uint head = headIndex(row, firstRow, groupSize, keyHead);
        uint channel = 2u * (i % SPANS * LANES + lane);
        vec2 sum;
        float weight;
        float maximum;
        CHOOSE(sum, sums, TILE_ROWS * SPANS, i)
        CHOOSE(weight, weights, TILE_ROWS, i / SPANS)
        CHOOSE(maximum, largest, TILE_ROWS, i / SPANS)
        if (arguments.splits == 1u) {
            vec2 y = weight == 0.0 ? vec2(0.0) : sum / weight;
            uint element = head * arguments.channels + channel;
            if (channel < arguments.channels) arguments.result[AT(6u, element, 4u)].value = y.x;
            if (channel + 1u < arguments.channels) arguments.result[AT(6u, element + 1u, 4u)].value = y.y;
        } else {
            uint partial = (split * arguments.rows * arguments.heads + head) * (arguments.channels + PARTIAL_HEAD);
            uint element = partial + PARTIAL_HEAD + channel;
            if (channel < arguments.channels) arguments.partials[AT(7u, element, 4u)].value = sum.x;
            if (channel + 1u < arguments.channels) arguments.partials[AT(7u, element + 1u, 4u)].value = sum.y;
            if (i % SPANS == 0u && lane < PARTIAL_HEAD) {
                arguments.partials[AT(7u, partial + lane, 4u)].value = lane == 0u ? maximum : weight;
            }
        }
    }
}
