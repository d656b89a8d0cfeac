// variants: WEIGHT = f32 f16 bf16
#version 460
// y = epilogue(x · Wᵀ + b) where a row is no whole number of chunks or begins at any element: an invocation for each output of a
// few rows, element by element.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "linear/epilogue.glsl"

const uint TILE_ROWS = 4;

void main() {
    uint tiles = (arguments.rows + TILE_ROWS - 1u) / TILE_ROWS;
    FOR_EACH_ELEMENT(i, tiles * arguments.outputs) {
        uint firstRow = (i / arguments.outputs) * TILE_ROWS;
        uint column = i % arguments.outputs;
        float sums[TILE_ROWS];
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) sums[r] = 0.0;
        // Sums of 32 products, and their sum: rounding grows with the longer of the two and not with the whole row.
        for (uint start = 0; start < arguments.channels; start += 32u) {
            float parts[TILE_ROWS];
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) parts[r] = 0.0;
            for (uint k = start; k < min(start + 32u, arguments.channels); k++) {
                uint element = column * arguments.channels + k;
                float w = decodeElement(WeightElements(arguments.weight) + AT(1u, element, WEIGHT_ELEMENT_BYTES));
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                    uint row = min(firstRow + r, arguments.rows - 1u);
                    parts[r] += LOAD(arguments.x, 0u, row * arguments.channels + k) * w;
                }
            }
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) sums[r] += parts[r];
        }
        [[dont_unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            float sum;
            CHOOSE(sum, sums, TILE_ROWS, r)
            finish(firstRow + r, column, sum);
        }
    }
}
