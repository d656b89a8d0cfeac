// y = epilogue(x · Wᵀ + b) for a few rows of x, by the tiles of linear/fewRows.glsl: linear/matvec.comp, and linear/roundedMatvec.comp where
// x is rounded to integers.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "linear/epilogue.glsl"
#include "linear/fewRows.glsl"

void main() {
    // All tiles of rows go over the same weights before the next: those come from memory once.
    uint rowTiles = (arguments.rows + TILE_ROWS - 1u) / TILE_ROWS;
#ifdef ROUNDED
    // A work-group has rows of its own, which it rounds together: all of it, whether outputs are left or not.
    uint firstRow = (linearGroup() % rowTiles) * TILE_ROWS;
    uint firstOutput = fewRowsTile(linearGroup() / rowTiles) * TILE_OUTPUTS;
#else
    uint tile = fewRowsTile(linearGroup());
    uint firstRow = (tile % rowTiles) * TILE_ROWS;
    uint firstOutput = (tile / rowTiles) * TILE_OUTPUTS;
    if (firstOutput >= arguments.outputs) return;
#endif
    float sums[TILE];
    sumFewRows(arguments.weight, 1u, arguments.outputs, firstRow, firstOutput, sums);
    // All lanes have all sums; each finishes its own.
    [[dont_unroll]] for (uint i = tileLane(); i < TILE; i += tileLanes()) {
        float sum;
        CHOOSE(sum, sums, TILE, i)
        finish(firstRow + i / TILE_OUTPUTS, firstOutput + i % TILE_OUTPUTS, sum);
    }
}
