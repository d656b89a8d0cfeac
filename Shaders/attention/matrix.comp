// variants: MATRIX = emulated
// prebuilt: MATRIX = khr
#version 460
// Attention on tensor cores, in the manner of Dao, "FlashAttention-2" (2023): a work-group for each tile of query rows, a subgroup for
// FRAGMENT_ROWS of them, which keeps their sums over the values as fragments; keys and values pass by in blocks of KEYS through shared
// memory, as f16, the next block on its way from memory while this one is multiplied.
//
// Scores are f32. The weights of the softmax are rounded to f16 to meet the values, times 1024 so that those far below the largest are
// not lost among the numbers below 2⁻¹⁴; sums are f32. Heads are a multiple of eight channels, filled up with zeros to whole fragments.
//
// A wide head is in parts: a work-group scores keys by all parts, one after the other, and sums one part of the values.
#include "common/arguments.glsl"
#extension GL_KHR_shader_subgroup_vote : require
#include "common/eights.glsl"
#include "common/functions.glsl"
#include "attention/arguments.glsl"
#include "attention/partials.glsl"
#define MATRIX_CONSTANT 6
#include "common/matrix.glsl"

layout(constant_id = 10) const uint SUBGROUPS = 2;
// The keys of a block: a multiple of a fragment's columns and depth, and of the lanes that share a row.
layout(constant_id = 11) const uint KEYS = 32;
// The channels of a part of a head, rounded up to whole fragments.
layout(constant_id = 12) const uint HEAD = 64;
layout(constant_id = 13) const uint PARTS = 1;

const float WEIGHT_SCALE = 1024.0;
const uint TILE_ROWS = SUBGROUPS * FRAGMENT_ROWS;
const uint INVOCATIONS = SUBGROUPS * LANES;
// In vectors of four elements, two of them so that rows of 16 bytes lie in different banks.
const uint HEAD_STRIDE = HEAD / 4u + 2u;
const uint WEIGHT_STRIDE = KEYS / 4u + 2u;
const uint KEYS_OFFSET = TILE_ROWS * HEAD_STRIDE;
const uint VALUES_OFFSET = KEYS_OFFSET + KEYS * HEAD_STRIDE;
const uint WEIGHTS_OFFSET = VALUES_OFFSET + KEYS * HEAD_STRIDE;
// In floats: the scores of a row, again with some for the banks; a subgroup's scores, and a factor for each of its rows behind them.
const uint SCORE_STRIDE = KEYS + 4u;
const uint FACTORS_OFFSET = FRAGMENT_ROWS * SCORE_STRIDE;
const uint STAGE_SIZE = FACTORS_OFFSET + FRAGMENT_ROWS;

const uint SCORE_FRAGMENTS = KEYS / FRAGMENT_COLUMNS;
// The products that wait for further parts.
const uint KEPT_FRAGMENTS = PARTS == 1u ? 1u : SCORE_FRAGMENTS;
const uint QUERY_FRAGMENTS = HEAD / FRAGMENT_DEPTH;
const uint SUM_FRAGMENTS = HEAD / FRAGMENT_COLUMNS;
const uint KEY_DEPTHS = KEYS / FRAGMENT_DEPTH;

// Lanes that share a row in the softmax, or rows that a lane has.
const uint ROW_LANES = LANES > FRAGMENT_ROWS ? LANES / FRAGMENT_ROWS : 1u;
const uint LANE_SCORES = KEYS / ROW_LANES;
const uint ROWS_APART = LANES / ROW_LANES;
const uint OWN_ROWS = FRAGMENT_ROWS / ROWS_APART;

// Eight channels at a time.
const uint HEAD_PIECES = HEAD / 8u;
const uint OWN_PIECES = (KEYS * HEAD_PIECES + INVOCATIONS - 1u) / INVOCATIONS;

shared f16vec4 operands[WEIGHTS_OFFSET + TILE_ROWS * WEIGHT_STRIDE];
shared float stage[SUBGROUPS * STAGE_SIZE];

// Eight channels as they are stored: one uvec4 of f16, or two of f32; zeros beyond the head. `start` is the head's first channel.
#define FETCH_EIGHT(words, isHalf, argument, slot, start, piece) \
    words[0] = uvec4(0u); \
    words[1] = uvec4(0u); \
    if (8u * (piece) < arguments.channels) LOAD8_AS(isHalf, argument, slot, (start) / 8u + (piece), words[0], words[1])

void place(uint where, bool isHalf, uvec4 words[2]) {
    operands[where] = f16vec4(firstFour(isHalf, words[0]));
    operands[where + 1u] = f16vec4(lastFour(isHalf, words[0], words[1]));
}

uvec4 keyWords[OWN_PIECES][2];
uvec4 valueWords[OWN_PIECES][2];

// The first channel of a piece's head; keys past the end are the last again, and get no weight.
uint startOf(Tile tile, int base, uint piece) {
    return keyElement(tile, min(base + int(min(piece / HEAD_PIECES, KEYS - 1u)), tile.lastKey));
}

void fetchKeys(Tile tile, int base, uint part) {
    FRAGMENT_LOOP for (uint i = 0; i < OWN_PIECES; i++) {
        uint piece = gl_LocalInvocationIndex + i * INVOCATIONS;
        uint start = startOf(tile, base, piece);
        FETCH_EIGHT(keyWords[i], KEYS_ARE_HALF, arguments.keys, 1u, start, part * HEAD_PIECES + piece % HEAD_PIECES)
    }
}

void fetchValues(Tile tile, int base) {
    FRAGMENT_LOOP for (uint i = 0; i < OWN_PIECES; i++) {
        uint piece = gl_LocalInvocationIndex + i * INVOCATIONS;
        uint start = startOf(tile, base, piece);
        FETCH_EIGHT(valueWords[i], KEYS_ARE_HALF, arguments.values, 2u, start, tile.part * HEAD_PIECES + piece % HEAD_PIECES)
    }
}

void placeBlock(uint offset, uvec4 words[OWN_PIECES][2]) {
    FRAGMENT_LOOP for (uint i = 0; i < OWN_PIECES; i++) {
        uint piece = gl_LocalInvocationIndex + i * INVOCATIONS;
        if (piece >= KEYS * HEAD_PIECES) break;
        place(offset + piece / HEAD_PIECES * HEAD_STRIDE + piece % HEAD_PIECES * 2u, KEYS_ARE_HALF, words[i]);
    }
}

void placeQueries(Tile tile, uint part) {
    [[dont_unroll]] for (uint piece = gl_LocalInvocationIndex; piece < TILE_ROWS * HEAD_PIECES; piece += INVOCATIONS) {
        uint row = piece / HEAD_PIECES;
        uint start = headIndex(tile, min(tile.start + int(row), tile.end - 1)) * arguments.channels;
        uvec4 words[2];
        FETCH_EIGHT(words, ACTIVATIONS_ARE_HALF, arguments.queries, 0u, start, part * HEAD_PIECES + piece % HEAD_PIECES)
        place(row * HEAD_STRIDE + piece % HEAD_PIECES * 2u, ACTIVATIONS_ARE_HALF, words);
    }
}

void main() {
    Tile tile;
    if (!findTile(int(TILE_ROWS), PARTS, KEYS, tile)) return;
    uint lane = gl_SubgroupInvocationID;
    uint scores = gl_SubgroupID * STAGE_SIZE;
    uint factors = scores + FACTORS_OFFSET;
    uint firstRow = gl_SubgroupID * FRAGMENT_ROWS;
    uint weightsStart = WEIGHTS_OFFSET + firstRow * WEIGHT_STRIDE;

    LEFT_FRAGMENT queries[QUERY_FRAGMENTS];
    if (PARTS == 1u) {
        placeQueries(tile, 0u);
        barrier();
        FRAGMENT_LOOP for (uint d = 0; d < QUERY_FRAGMENTS; d++) {
            LOAD_LEFT(queries[d], firstRow * HEAD_STRIDE + d * (FRAGMENT_DEPTH / 4u), HEAD_STRIDE)
        }
    }
    SUM_FRAGMENT sums[SUM_FRAGMENTS];
    FRAGMENT_LOOP for (uint d = 0; d < SUM_FRAGMENTS; d++) {
        CLEAR_SUM(sums[d])
    }
    // Of the lane's rows: the largest score so far, the same in all lanes of a row, and each lane's part of the sum of the weights.
    float largest[OWN_ROWS];
    float weights[OWN_ROWS];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
        largest[r] = LOWEST;
        weights[r] = 0.0;
    }
    uint part = lane % ROW_LANES;
    float scale = queryScale();

    if (tile.keyStart < tile.keyEnd) {
        fetchKeys(tile, tile.keyStart, 0u);
        fetchValues(tile, tile.keyStart);
    }
    [[dont_unroll]] for (int base = tile.keyStart; base < tile.keyEnd; base += int(KEYS)) {
        SUM_FRAGMENT products[KEPT_FRAGMENTS];
        [[dont_unroll]] for (uint queryPart = 0; queryPart < PARTS; queryPart++) {
            bool isLast = queryPart + 1u == PARTS;
            barrier();
            placeBlock(KEYS_OFFSET, keyWords);
            if (queryPart == 0u) placeBlock(VALUES_OFFSET, valueWords);
            if (PARTS > 1u) placeQueries(tile, queryPart);
            barrier();
            if (!isLast) {
                fetchKeys(tile, base, queryPart + 1u);
            } else if (base + int(KEYS) < tile.keyEnd) {
                fetchKeys(tile, base + int(KEYS), 0u);
                fetchValues(tile, base + int(KEYS));
            }

            if (PARTS > 1u) {
                FRAGMENT_LOOP for (uint d = 0; d < QUERY_FRAGMENTS; d++) {
                    LOAD_LEFT(queries[d], firstRow * HEAD_STRIDE + d * (FRAGMENT_DEPTH / 4u), HEAD_STRIDE)
                }
            }
            FRAGMENT_LOOP for (uint k = 0; k < SCORE_FRAGMENTS; k++) {
                uint kept = PARTS == 1u ? 0u : k;
                if (queryPart == 0u) {
                    CLEAR_SUM(products[kept])
                }
                FRAGMENT_LOOP for (uint d = 0; d < QUERY_FRAGMENTS; d++) {
                    RIGHT_FRAGMENT key;
                    LOAD_RIGHT(key, KEYS_OFFSET + k * FRAGMENT_COLUMNS * HEAD_STRIDE + d * (FRAGMENT_DEPTH / 4u), HEAD_STRIDE)
                    MULTIPLY_ADD(products[kept], queries[d], key)
                }
                if (isLast) {
                    STORE_SUM(products, KEPT_FRAGMENTS, kept, scores + k * FRAGMENT_COLUMNS, SCORE_STRIDE)
                }
            }
        }
        subgroupBarrier();

        bool isSteady = true;
        [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
            uint ownRow = lane / ROW_LANES + r * ROWS_APART;
            int row = min(tile.start + int(firstRow + ownRow), tile.end - 1);
            int position = positionOf(tile, row);
            uint bias = HAS_BIAS ? biasStart(tile, row) : 0u;
            uint rowScores = scores + ownRow * SCORE_STRIDE + part;
            float maximum = largest[r];
            [[dont_unroll]] for (uint i = 0; i < LANE_SCORES; i++) {
                int key = base + int(i * ROW_LANES + part);
                float score = capped(stage[rowScores + i * ROW_LANES] * scale);
                if (HAS_BIAS) score += biasAt(bias, min(key, tile.lastKey));
                // A bias of −∞ hides a key; so does the lowest float in the place of a score.
                score = isVisible(tile, position, key) && !(score < LOWEST) ? score : LOWEST;
                stage[rowScores + i * ROW_LANES] = score;
                maximum = max(maximum, score);
            }
            FOR_EACH_DISTANCE(distance, 1u, ROW_LANES) maximum = max(maximum, subgroupShuffle(maximum, lane ^ distance));
            float decay = exp2(largest[r] - maximum);
            isSteady = isSteady && decay == 1.0;
            weights[r] *= decay;
            largest[r] = maximum;
            if (part == 0u) stage[factors + ownRow] = decay;
            [[dont_unroll]] for (uint i = 0; i < LANE_SCORES; i++) {
                float score = stage[rowScores + i * ROW_LANES];
                // What is rounded is also what is summed.
                float16_t weight = float16_t(score == LOWEST ? 0.0 : WEIGHT_SCALE * exp2(score - maximum));
                weights[r] += float(weight);
                uint key = i * ROW_LANES + part;
                operands[weightsStart + ownRow * WEIGHT_STRIDE + key / 4u][key % 4u] = weight;
            }
        }
        subgroupBarrier();
        if (!subgroupAll(isSteady)) {
            FRAGMENT_LOOP for (uint d = 0; d < SUM_FRAGMENTS; d++) {
                SCALE_SUM_ROWS(sums[d], factors)
            }
        }
        FRAGMENT_LOOP for (uint k = 0; k < KEY_DEPTHS; k++) {
            LEFT_FRAGMENT weight;
            LOAD_LEFT(weight, weightsStart + k * (FRAGMENT_DEPTH / 4u), WEIGHT_STRIDE)
            FRAGMENT_LOOP for (uint d = 0; d < SUM_FRAGMENTS; d++) {
                RIGHT_FRAGMENT value;
                LOAD_RIGHT_ROWS(value, VALUES_OFFSET + k * FRAGMENT_DEPTH * HEAD_STRIDE + d * (FRAGMENT_COLUMNS / 4u), HEAD_STRIDE)
                MULTIPLY_ADD(sums[d], weight, value)
            }
        }
    }

    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
        FOR_EACH_DISTANCE(distance, 1u, ROW_LANES) weights[r] += subgroupShuffle(weights[r], lane ^ distance);
        uint ownRow = lane / ROW_LANES + r * ROWS_APART;
        if (part == 0u) stage[factors + ownRow] = weights[r];
        int row = tile.start + int(firstRow + ownRow);
        if (arguments.splits > 1u && tile.part == 0u && part == 0u && row < tile.end) {
            uint partial = partialStart(tile, headIndex(tile, row));
            arguments.result[AT(7u, partial, 4u)].value = largest[r];
            arguments.result[AT(7u, partial + 1u, 4u)].value = weights[r];
        }
    }
    [[dont_unroll]] for (uint d = 0; d < SUM_FRAGMENTS; d++) {
        STORE_SUM(sums, SUM_FRAGMENTS, d, scores, FRAGMENT_COLUMNS)
        subgroupBarrier();
        [[dont_unroll]] for (uint i = lane; i < FRAGMENT_ROWS * FRAGMENT_COLUMNS; i += LANES) {
            uint ownRow = i / FRAGMENT_COLUMNS;
            int row = tile.start + int(firstRow + ownRow);
            uint channel = tile.part * HEAD + d * FRAGMENT_COLUMNS + i % FRAGMENT_COLUMNS;
            if (row < tile.end && channel < arguments.channels) {
                uint head = headIndex(tile, row);
                float sum = stage[scores + i];
                float weight = stage[factors + ownRow];
                if (arguments.splits == 1u) {
                    STORE(arguments.result, 7u, head * arguments.channels + channel, weight == 0.0 ? 0.0 : sum / weight)
                } else {
                    arguments.result[AT(7u, partialStart(tile, head) + PARTIAL_HEAD + channel, 4u)].value = sum;
                }
            }
        }
        subgroupBarrier();
    }
}
