// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// y = epilogue(x · Wᵀ + b) for a few rows of x, which is bound by the bytes of the weights: a subgroup for a few outputs, its lanes
// over the pieces of a row of W (common/weightPieces.glsl), each decoded once for all rows of x.
//
// Neighbouring lanes load neighbouring pieces, so that a load of a subgroup is one stretch of memory: 512 bytes of f16 for 32 lanes.
// UNROLL · TILE_OUTPUTS pieces of each lane are in flight before the first is decoded.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "linear/epilogue.glsl"

layout(constant_id = 4) const uint TILE_ROWS = 1;
// The outputs of each subgroup.
layout(constant_id = 5) const uint TILE_OUTPUTS = 2;
// Pieces of each output that a lane loads at a time.
layout(constant_id = 6) const uint UNROLL = 2;

const uint FOURS = PIECE / 4u;

void main() {
    uint outputTiles = (arguments.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint tile = linearGroup() * gl_NumSubgroups + gl_SubgroupID;
    uint firstRow = (tile / outputTiles) * TILE_ROWS;
    uint firstOutput = (tile % outputTiles) * TILE_OUTPUTS;
    if (firstRow >= arguments.rows) return;

    float sums[TILE_ROWS * TILE_OUTPUTS];
    [[unroll]] for (uint i = 0; i < TILE_ROWS * TILE_OUTPUTS; i++) sums[i] = 0.0;
    uint pieces = arguments.channels / PIECE;
    for (uint first = gl_SubgroupInvocationID; first < pieces; first += gl_SubgroupSize * UNROLL) {
        uint words[UNROLL][TILE_OUTPUTS][PIECE_WORDS];
        [[unroll]] for (uint u = 0; u < UNROLL; u++) {
            // Beyond the end, the last again, which goes into no sum.
            uint channel = min(first + u * gl_SubgroupSize, pieces - 1u) * PIECE;
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                uint n = min(firstOutput + o, arguments.outputs - 1u);
                FETCH_PIECE(words[u][o], arguments.weight, 1u, n * arguments.channels + channel)
            }
        }
        [[unroll]] for (uint u = 0; u < UNROLL; u++) {
            uint piece = first + u * gl_SubgroupSize;
            if (piece >= pieces) break;
            uint chunk = piece * PIECE / 32u % BLOCK_CHUNKS;
            uint half_ = piece & 1u;
            vec4 integers[TILE_OUTPUTS][FOURS];
            vec2 scales[TILE_OUTPUTS];
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                scales[o] = pieceScale(words[u][o], chunk);
                [[unroll]] for (uint i = 0; i < FOURS; i++) integers[o][i] = pieceIntegers(words[u][o], chunk, half_, i);
            }
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                uint xFour = (min(firstRow + r, arguments.rows - 1u) * pieces + piece) * FOURS;
                float parts[TILE_OUTPUTS];
                [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) parts[o] = 0.0;
                float xSum = 0.0;
                [[unroll]] for (uint i = 0; i < FOURS; i++) {
                    vec4 x = LOAD4(arguments.x, 0u, xFour + i);
                    [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) parts[o] += dot(x, integers[o][i]);
#ifdef PIECE_HAS_OFFSET
                    xSum += dot(x, vec4(1.0));
#endif
                }
                // The scale is the same for all, and the offset meets the sum of x: neither costs an operation an element.
                [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                    sums[r * TILE_OUTPUTS + o] += scales[o].x * parts[o] + scales[o].y * xSum;
                }
            }
        }
    }
    [[unroll]] for (uint i = 0; i < TILE_ROWS * TILE_OUTPUTS; i++) sums[i] = subgroupAdd(sums[i]);
    // All lanes have all sums; each finishes its own.
    [[dont_unroll]] for (uint i = gl_SubgroupInvocationID; i < TILE_ROWS * TILE_OUTPUTS; i += gl_SubgroupSize) {
        float sum;
        CHOOSE(sum, sums, TILE_ROWS * TILE_OUTPUTS, i)
        finish(firstRow + i / TILE_OUTPUTS, firstOutput + i % TILE_OUTPUTS, sum);
    }
}
