// The product of rows and weights, a work-group for each tile of TILE_ROWS × TILE_OUTPUTS, on the layer of common/matrix.glsl.
//
// Steps of 32 channels pass through shared memory as f16, twice buffered: what the next step needs is on its way from memory while
// this one is multiplied, and one barrier a step keeps them apart. A row of a tile is 80 bytes long there, so that eight rows of 16
// bytes, which tensor cores load at a time, lie in different banks.
//
// The kernel has an argument 1, `weight`, and defines, after including this file:
//   void prepareRow(uint i, uint row)              once for each piece that the invocation brings of every step: whose row it is of
//   uint nextStep(uint channel, uint end)          the first step from `channel` on that adds anything; `end` or more where none does
//   void beginStep(uint channel)                   the first channel of the invocation's pieces of a step, the same for all
//   void fetchRow(uint i, out uvec4 eight[2])      8 channels of piece i as they are stored: one uvec4 of f16, or two of f32
//   uint weightStart(uint n)                       where the weights of an output begin
//   void finishSum(uint row, uint column, float sum)    what happens to a finished sum; also called beyond the edges
// and, where something is to be done before the first sum is finished, BEGIN_FINISH before including it.
// It calls multiplyTile, with a number of channels that is a multiple of 8, and of 32 for quantised weights.
#pragma once
#include "common/matrix.glsl"
#include "common/weightPieces.glsl"

layout(constant_id = MATRIX_CONSTANT + 4) const uint TILE_ROWS = 64;
layout(constant_id = MATRIX_CONSTANT + 5) const uint TILE_OUTPUTS = 64;
// What each subgroup does of the tile.
layout(constant_id = MATRIX_CONSTANT + 6) const uint SUBGROUP_ROWS = 32;
layout(constant_id = MATRIX_CONSTANT + 7) const uint SUBGROUP_OUTPUTS = 32;

const uint STEP = 32;
// In vectors of four elements, two of them for the banks.
const uint ROW_STRIDE = STEP / 4u + 2u;
const uint OUTPUTS_OFFSET = TILE_ROWS * ROW_STRIDE;
const uint BUFFER_SIZE = (TILE_ROWS + TILE_OUTPUTS) * ROW_STRIDE;
const uint SUBGROUP_COLUMNS = TILE_OUTPUTS / SUBGROUP_OUTPUTS;
const uint SUBGROUPS = TILE_ROWS / SUBGROUP_ROWS * SUBGROUP_COLUMNS;
const uint INVOCATIONS = SUBGROUPS * LANES;
const uint FRAGMENTS_DOWN = SUBGROUP_ROWS / FRAGMENT_ROWS;
const uint FRAGMENTS_ACROSS = SUBGROUP_OUTPUTS / FRAGMENT_COLUMNS;
const uint FRAGMENTS = FRAGMENTS_DOWN * FRAGMENTS_ACROSS;
// Pieces of a step, and how many of them each invocation brings.
const uint ROW_PIECES = TILE_ROWS * STEP / 8u;
const uint OUTPUT_PIECES = TILE_OUTPUTS * STEP / PIECE;
const uint OWN_ROW_PIECES = (ROW_PIECES + INVOCATIONS - 1u) / INVOCATIONS;
const uint OWN_OUTPUT_PIECES = (OUTPUT_PIECES + INVOCATIONS - 1u) / INVOCATIONS;

shared f16vec4 operands[2u * BUFFER_SIZE];
shared float stage[SUBGROUPS * FRAGMENT_ROWS * FRAGMENT_COLUMNS];

void prepareRow(uint i, uint row);
uint nextStep(uint channel, uint end);
void beginStep(uint channel);
void fetchRow(uint i, out uvec4 eight[2]);
uint weightStart(uint n);
void finishSum(uint row, uint column, float sum);

struct TilePlace {
    uint firstRow;
    uint firstOutput;
    // The rows, outputs and channels of the whole product.
    uint rows;
    uint outputs;
    uint channels;
};

// What an invocation has fetched of the next step, and where its weights are from.
uvec4 rowWords[OWN_ROW_PIECES][2];
uint outputWords[OWN_OUTPUT_PIECES][PIECE_WORDS];
uint weightStarts[OWN_OUTPUT_PIECES];

// Rows and outputs beyond the last are the last again, and their sums are dropped. As a subgroup is a multiple of four lanes, all
// pieces of an invocation are of the same channels.
void prepareTile(TilePlace tile) {
    uint self = gl_LocalInvocationIndex;
    FRAGMENT_LOOP for (uint i = 0; i < OWN_ROW_PIECES; i++) {
        prepareRow(i, min(tile.firstRow + (self + i * INVOCATIONS) / (STEP / 8u), tile.rows - 1u));
    }
    FRAGMENT_LOOP for (uint i = 0; i < OWN_OUTPUT_PIECES; i++) {
        weightStarts[i] = weightStart(min(tile.firstOutput + (self + i * INVOCATIONS) / (STEP / PIECE), tile.outputs - 1u));
    }
}

// Channels beyond the last are zero.
void fetchStep(TilePlace tile, uint channel) {
    uint self = gl_LocalInvocationIndex;
    uint rowChannel = channel + self % (STEP / 8u) * 8u;
    beginStep(rowChannel);
    FRAGMENT_LOOP for (uint i = 0; i < OWN_ROW_PIECES; i++) {
        rowWords[i][0] = uvec4(0u);
        rowWords[i][1] = uvec4(0u);
        if (self + i * INVOCATIONS < ROW_PIECES && rowChannel < tile.channels) fetchRow(i, rowWords[i]);
    }
    uint weightChannel = channel + self % (STEP / PIECE) * PIECE;
    FRAGMENT_LOOP for (uint i = 0; i < OWN_OUTPUT_PIECES; i++) {
        [[unroll]] for (uint w = 0; w < PIECE_WORDS; w++) outputWords[i][w] = 0u;
        if (self + i * INVOCATIONS < OUTPUT_PIECES && weightChannel < tile.channels) {
            FETCH_PIECE(outputWords[i], arguments.weight, 1u, weightStarts[i] + weightChannel)
        }
    }
}

// Puts what fetchStep brought of the step at `channel` into a buffer.
void stageStep(uint channel, uint buffer_) {
    uint self = gl_LocalInvocationIndex;
    FRAGMENT_LOOP for (uint i = 0; i < OWN_ROW_PIECES; i++) {
        uint piece = self + i * INVOCATIONS;
        if (piece >= ROW_PIECES) break;
        uint place = buffer_ * BUFFER_SIZE + piece / (STEP / 8u) * ROW_STRIDE + piece % (STEP / 8u) * 2u;
        operands[place] = f16vec4(firstFour(ACTIVATIONS_ARE_HALF, rowWords[i][0]));
        operands[place + 1u] = f16vec4(lastFour(ACTIVATIONS_ARE_HALF, rowWords[i][0], rowWords[i][1]));
    }
    FRAGMENT_LOOP for (uint i = 0; i < OWN_OUTPUT_PIECES; i++) {
        uint piece = self + i * INVOCATIONS;
        if (piece >= OUTPUT_PIECES) break;
        uint place = buffer_ * BUFFER_SIZE + OUTPUTS_OFFSET + piece / (STEP / PIECE) * ROW_STRIDE + piece % (STEP / PIECE) * (PIECE / 4u);
        [[unroll]] for (uint four = 0; four < PIECE / 4u; four++) {
            operands[place + four] = f16vec4(decodeFour(outputWords[i], channel / 32u, four));
        }
    }
}

// The sums over channels `start ..< end`, `start` a multiple of 32, each to finishSum.
void multiplyTile(TilePlace tile, uint start, uint end) {
    uint subgroupRow = gl_SubgroupID / SUBGROUP_COLUMNS * SUBGROUP_ROWS;
    uint subgroupOutput = gl_SubgroupID % SUBGROUP_COLUMNS * SUBGROUP_OUTPUTS;
    SUM_FRAGMENT sums[FRAGMENTS];
    FRAGMENT_LOOP for (uint i = 0; i < FRAGMENTS; i++) {
        CLEAR_SUM(sums[i])
    }
    prepareTile(tile);
    uint channel = nextStep(start, end);
    if (channel < end) {
        fetchStep(tile, channel);
        stageStep(channel, 0u);
    }
    barrier();
    uint buffer_ = 0u;
    [[dont_unroll]] while (channel < end) {
        uint next = nextStep(channel + STEP, end);
        bool isLast = next >= end;
        if (!isLast) fetchStep(tile, next);
        uint left = buffer_ * BUFFER_SIZE + subgroupRow * ROW_STRIDE;
        uint right = buffer_ * BUFFER_SIZE + OUTPUTS_OFFSET + subgroupOutput * ROW_STRIDE;
        FRAGMENT_LOOP for (uint depth = 0; depth < STEP / 4u; depth += FRAGMENT_DEPTH / 4u) {
            RIGHT_FRAGMENT rights[FRAGMENTS_ACROSS];
            FRAGMENT_LOOP for (uint c = 0; c < FRAGMENTS_ACROSS; c++) {
                LOAD_RIGHT(rights[c], right + c * FRAGMENT_COLUMNS * ROW_STRIDE + depth, ROW_STRIDE)
            }
            FRAGMENT_LOOP for (uint r = 0; r < FRAGMENTS_DOWN; r++) {
                LEFT_FRAGMENT leftRow;
                LOAD_LEFT(leftRow, left + r * FRAGMENT_ROWS * ROW_STRIDE + depth, ROW_STRIDE)
                FRAGMENT_LOOP for (uint c = 0; c < FRAGMENTS_ACROSS; c++) {
                    MULTIPLY_ADD(sums[r * FRAGMENTS_ACROSS + c], leftRow, rights[c])
                }
            }
        }
        // All have left the other buffer with the last barrier.
        buffer_ = 1u - buffer_;
        if (!isLast) stageStep(next, buffer_);
        barrier();
        channel = next;
    }
#ifdef BEGIN_FINISH
    BEGIN_FINISH
#endif
    // A fragment after the other, so that finishSum stands once.
    uint place = gl_SubgroupID * FRAGMENT_ROWS * FRAGMENT_COLUMNS;
    [[dont_unroll]] for (uint f = 0; f < FRAGMENTS; f++) {
        STORE_SUM(sums, FRAGMENTS, f, place, FRAGMENT_COLUMNS)
        subgroupBarrier();
        uint firstRow = tile.firstRow + subgroupRow + f / FRAGMENTS_ACROSS * FRAGMENT_ROWS;
        uint firstOutput = tile.firstOutput + subgroupOutput + f % FRAGMENTS_ACROSS * FRAGMENT_COLUMNS;
        [[dont_unroll]] for (uint i = gl_SubgroupInvocationID; i < FRAGMENT_ROWS * FRAGMENT_COLUMNS; i += LANES) {
            finishSum(firstRow + i / FRAGMENT_COLUMNS, firstOutput + i % FRAGMENT_COLUMNS, stage[place + i]);
        }
        subgroupBarrier();
    }
}
