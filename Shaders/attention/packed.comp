#version 460
// Attention over packed sequences with the online softmax (Milakov & Gimelshein 2018), a subgroup for each tile of query rows.
//
// Keys go by as many at a time as there are lanes, one a lane for the scores; values go by with the lanes over their channels.
// Nothing needs a barrier. Heads may have any number of channels: wide ones are in parts, and a subgroup scores keys by all parts of the
// queries, one after the other, to sum one part of the values.
//
// Where there are fewer tiles than a device has room for, as in decoding, several subgroups share the keys of a tile; each leaves
// its sums to attention/combine.
#include "common/arguments.glsl"
#include "common/functions.glsl"
#include "common/registers.glsl"
#include "attention/arguments.glsl"
#include "attention/partials.glsl"

// The lanes of a subgroup, which is the whole work-group.
layout(constant_id = 6) const uint LANES = 8;
layout(constant_id = 7) const uint TILE_ROWS = 4;
// How often the lanes go over a part of a head, two channels each.
layout(constant_id = 8) const uint SPANS = 4;
// Whether heads are an even number of channels and begin at multiples of two elements.
layout(constant_id = 9) const bool PAIRED = true;
// The parts of a head: ⌈channels / (2 · LANES · SPANS)⌉.
layout(constant_id = 10) const uint PARTS = 1;

// Channels `channel` and the next of the head at `start`, zeros beyond its end.
#define LOAD_PAIR(pair, isHalf, argument, slot, start, channel) \
    vec2 pair = vec2(0.0); \
    if (PAIRED) { \
        uint pairIndex = ((start) + min(channel, arguments.channels - 2u)) / 2u; \
        pair = LOAD2_AS(isHalf, argument, slot, pairIndex); \
    } else { \
        uint last = arguments.channels - 1u; \
        pair.x = LOAD_AS(isHalf, argument, slot, (start) + min(channel, last)); \
        pair.y = LOAD_AS(isHalf, argument, slot, (start) + min(channel + 1u, last)); \
        pair.y = channel + 1u < arguments.channels ? pair.y : 0.0; \
    } \
    pair = channel < arguments.channels ? pair : vec2(0.0);

float lanesMaximum(float x) {
    FOR_EACH_DISTANCE(distance, 1u, LANES) x = max(x, subgroupShuffle(x, gl_SubgroupInvocationID ^ distance));
    return x;
}

float lanesSum(float x) {
    FOR_EACH_DISTANCE(distance, 1u, LANES) x += subgroupShuffle(x, gl_SubgroupInvocationID ^ distance);
    return x;
}

const uint PART_CHANNELS = 2u * LANES * SPANS;

vec2 queries[TILE_ROWS * SPANS];

// A part of the tile's queries, scaled. Loads and stores stand once in a loop, and registers are chosen by their number: unrolled, they
// would be most of the code.
void loadQueries(Tile tile, uint part) {
    [[dont_unroll]] for (uint i = 0; i < TILE_ROWS * SPANS; i++) {
        uint start = headIndex(tile, min(tile.start + int(i / SPANS), tile.end - 1)) * arguments.channels;
        uint channel = part * PART_CHANNELS + 2u * (i % SPANS * LANES + gl_SubgroupInvocationID);
        LOAD_PAIR(query, ACTIVATIONS_ARE_HALF, arguments.queries, 0u, start, channel)
        [[unroll]] for (uint j = 0; j < TILE_ROWS * SPANS; j++) queries[j] = j == i ? query * queryScale() : queries[j];
    }
}

void main() {
    uint lane = gl_SubgroupInvocationID;
    Tile tile;
    if (!findTile(int(TILE_ROWS), PARTS, LANES, tile)) return;
    uint firstChannel = tile.part * PART_CHANNELS;

    int positions[TILE_ROWS];
    uint biases[TILE_ROWS];
    vec2 sums[TILE_ROWS * SPANS];
    float largest[TILE_ROWS];
    float weights[TILE_ROWS];
    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
        int row = min(tile.start + int(r), tile.end - 1);
        positions[r] = positionOf(tile, row);
        biases[r] = HAS_BIAS ? biasStart(tile, row) : 0u;
        largest[r] = LOWEST;
        weights[r] = 0.0;
    }
    [[unroll]] for (uint i = 0; i < TILE_ROWS * SPANS; i++) {
        queries[i] = vec2(0.0);
        sums[i] = vec2(0.0);
    }
    if (PARTS == 1u) loadQueries(tile, 0u);

    [[dont_unroll]] for (int base = tile.keyStart; base < tile.keyEnd; base += int(LANES)) {
        // Lanes past the end read the last key again and get no weight.
        int key = base + int(lane);
        uint keyRow = keyElement(tile, min(key, tile.lastKey));
        float scores[TILE_ROWS];
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) scores[r] = 0.0;
        [[dont_unroll]] for (uint part = 0; part < PARTS; part++) {
            if (PARTS > 1u) loadQueries(tile, part);
            [[dont_unroll]] for (uint l = 0; l < LANES; l++) {
                [[unroll]] for (uint s = 0; s < SPANS; s++) {
                    uint channel = part * PART_CHANNELS + 2u * (s * LANES + l);
                    LOAD_PAIR(k, KEYS_ARE_HALF, arguments.keys, 1u, keyRow, channel)
                    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                        vec2 query = queries[r * SPANS + s];
                        scores[r] += subgroupShuffle(query.x, l) * k.x;
                        scores[r] += subgroupShuffle(query.y, l) * k.y;
                    }
                }
            }
        }
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            float score = capped(scores[r]);
            if (HAS_BIAS) score += biasAt(biases[r], min(key, tile.lastKey));
            // A bias of −∞ hides a key.
            bool seen = isVisible(tile, positions[r], key) && !(score < LOWEST);
            float maximum = max(largest[r], lanesMaximum(seen ? score : LOWEST));
            float decay = exp2(largest[r] - maximum);
            float weight = seen ? exp2(score - maximum) : 0.0;
            largest[r] = maximum;
            weights[r] = weights[r] * decay + weight;
            scores[r] = weight;
            [[unroll]] for (uint s = 0; s < SPANS; s++) sums[r * SPANS + s] *= decay;
        }
        [[dont_unroll]] for (uint l = 0; l < LANES; l++) {
            uint valueRow = keyElement(tile, min(base + int(l), tile.lastKey));
            [[unroll]] for (uint s = 0; s < SPANS; s++) {
                uint channel = firstChannel + 2u * (s * LANES + lane);
                LOAD_PAIR(v, KEYS_ARE_HALF, arguments.values, 2u, valueRow, channel)
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) sums[r * SPANS + s] += subgroupShuffle(scores[r], l) * v;
            }
        }
    }

    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) weights[r] = lanesSum(weights[r]);
    [[dont_unroll]] for (uint i = 0; i < TILE_ROWS * SPANS; i++) {
        int row = tile.start + int(i / SPANS);
        if (row >= tile.end) break;
        uint head = headIndex(tile, row);
        uint channel = firstChannel + 2u * (i % SPANS * LANES + lane);
        vec2 sum;
        float weight;
        float maximum;
        CHOOSE(sum, sums, TILE_ROWS * SPANS, i)
        CHOOSE(weight, weights, TILE_ROWS, i / SPANS)
        CHOOSE(maximum, largest, TILE_ROWS, i / SPANS)
        if (arguments.splits == 1u) {
            vec2 y = weight == 0.0 ? vec2(0.0) : sum / weight;
            uint element = head * arguments.channels + channel;
            if (channel < arguments.channels) STORE(arguments.result, 7u, element, y.x)
            if (channel + 1u < arguments.channels) STORE(arguments.result, 7u, element + 1u, y.y)
        } else {
            uint partial = partialStart(tile, head);
            uint element = partial + PARTIAL_HEAD + channel;
            if (channel < arguments.channels) arguments.result[AT(7u, element, 4u)].value = sum.x;
            if (channel + 1u < arguments.channels) arguments.result[AT(7u, element + 1u, 4u)].value = sum.y;
            if (tile.part == 0u && i % SPANS == 0u && lane < PARTIAL_HEAD) {
                arguments.result[AT(7u, partial + lane, 4u)].value = lane == 0u ? maximum : weight;
            }
        }
    }
}
