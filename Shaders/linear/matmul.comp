// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// y = epilogue(x · Wᵀ + b) for many rows of x, a work-group for each tile of TILE_ROWS by TILE_OUTPUTS, multiples of 16. Chunks of 32
// channels pass through shared memory, where each value that is loaded (and each weight that is decoded) serves the whole tile; each
// of the 16 × 16 invocations keeps its part of the tile in registers.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "linear/epilogue.glsl"

layout(constant_id = 4) const uint TILE_ROWS = 64;
layout(constant_id = 5) const uint TILE_OUTPUTS = 128;
const uint INVOCATIONS = 256;
const uint ROWS = TILE_ROWS / 16u;
const uint OUTPUTS = TILE_OUTPUTS / 16u;

// Channels first, so that neighbouring invocations read neighbouring words.
shared float xTile[32 * TILE_ROWS];
shared float weightTile[32 * TILE_OUTPUTS];

void main() {
    uint self = gl_LocalInvocationIndex;
    uint outputTiles = (arguments.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint group = linearGroup();
    uint firstRow = (group / outputTiles) * TILE_ROWS;
    uint firstOutput = (group % outputTiles) * TILE_OUTPUTS;
    if (firstRow >= arguments.rows) return;
    uint column = self % 16u;
    uint row = self / 16u;

    float sums[ROWS * OUTPUTS];
    [[unroll]] for (uint i = 0; i < ROWS * OUTPUTS; i++) sums[i] = 0.0;
    uint chunks = arguments.channels / 32u;
    for (uint chunk = 0; chunk < chunks; chunk++) {
        barrier();
        // The invocations without a chunk of weights to decode come first to the rows.
        if (self < TILE_OUTPUTS) {
            float w[32];
            DECODE_CHUNK(w, arguments.weight, 1u, min(firstOutput + self, arguments.outputs - 1u) * chunks + chunk)
            [[unroll]] for (uint k = 0; k < 32; k++) weightTile[k * TILE_OUTPUTS + self] = w[k];
        }
        for (uint i = (self + INVOCATIONS - TILE_OUTPUTS) % INVOCATIONS; i < 8u * TILE_ROWS; i += INVOCATIONS) {
            uint loadedRow = i % TILE_ROWS;
            uint four = i / TILE_ROWS;
            uint xChunk = min(firstRow + loadedRow, arguments.rows - 1u) * chunks + chunk;
            vec4 x = LOAD4(arguments.x, 0u, 8u * xChunk + four);
            [[unroll]] for (uint j = 0; j < 4; j++) xTile[(4u * four + j) * TILE_ROWS + loadedRow] = x[j];
        }
        barrier();
        for (uint k = 0; k < 32; k++) {
            float x[ROWS];
            [[unroll]] for (uint r = 0; r < ROWS; r++) x[r] = xTile[k * TILE_ROWS + r * 16u + row];
            [[unroll]] for (uint o = 0; o < OUTPUTS; o++) {
                float w = weightTile[k * TILE_OUTPUTS + o * 16u + column];
                [[unroll]] for (uint r = 0; r < ROWS; r++) sums[r * OUTPUTS + o] += x[r] * w;
            }
        }
    }
    [[dont_unroll]] for (uint i = 0; i < ROWS * OUTPUTS; i++) {
        float sum;
        CHOOSE(sum, sums, ROWS * OUTPUTS, i)
        finish(firstRow + i / OUTPUTS * 16u + row, firstOutput + i % OUTPUTS * 16u + column, sum);
    }
}
