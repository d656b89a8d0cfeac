// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// y = epilogue(x · Wᵀ + b) for a few rows of x, by the tiles of linear/fewRows.glsl.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "linear/epilogue.glsl"
#include "linear/fewRows.glsl"

void main() {
    // All tiles of rows go over the same weights before the next: those come from memory once.
    uint rowTiles = (arguments.rows + TILE_ROWS - 1u) / TILE_ROWS;
    uint tile = fewRowsTile();
    uint firstRow = (tile % rowTiles) * TILE_ROWS;
    uint firstOutput = (tile / rowTiles) * TILE_OUTPUTS;
    if (firstOutput >= arguments.outputs) return;
    float sums[TILE];
    sumFewRows(arguments.weight, 1u, arguments.outputs, firstRow, firstOutput, sums);
    // All lanes have all sums; each finishes its own.
    [[dont_unroll]] for (uint i = tileLane(); i < TILE; i += tileLanes()) {
        float sum;
        CHOOSE(sum, sums, TILE, i)
        finish(firstRow + i / TILE_OUTPUTS, firstOutput + i % TILE_OUTPUTS, sum);
    }
}
