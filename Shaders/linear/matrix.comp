// variants: MATRIX = emulated
// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
// prebuilt: MATRIX = khr
#version 460
// y = epilogue(x · Wᵀ + b) on tensor cores: f16 products, f32 sums, tiles as in common/matrixTile.glsl.
//
// Where there are too few tiles for a device, several work-groups share the channels of a tile (split-K) and leave their
// sums, f32, in `result`, which is [splits, rows, outputs] then; linear/combine adds them up and finishes them.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#define EXTRA_NUMBERS uint splits; uint splitChannels;
#include "linear/epilogue.glsl"
#include "common/matrixTile.glsl"

// Tiles that follow each other share the rows of x and the weights of as many tiles as this, while those are in the cache.
const uint BAND = 8;

// In eights of channels.
uint rowStarts[OWN_ROW_PIECES];
uint stepEight;

void prepareRow(uint i, uint row) { rowStarts[i] = row * (arguments.channels / 8u); }

uint nextStep(uint channel, uint end) { return channel; }

void beginStep(uint channel) { stepEight = channel / 8u; }

void fetchRow(uint i, out uvec4 eight[2]) {
    uint index = rowStarts[i] + stepEight;
    eight[1] = uvec4(0u);
    LOAD8_AS(ACTIVATIONS_ARE_HALF, arguments.x, 0u, index, eight[0], eight[1])
}

uint weightStart(uint n) { return n * arguments.channels; }

uint split;

void finishSum(uint row, uint column, float sum) {
    if (arguments.splits == 1u) {
        finish(row, column, sum);
    } else if (row < arguments.rows && column < arguments.outputs) {
        arguments.result[AT(2u, (split * arguments.rows + row) * arguments.outputs + column, 4u)].value = sum;
    }
}

void main() {
    uint rowTiles = (arguments.rows + TILE_ROWS - 1u) / TILE_ROWS;
    uint outputTiles = (arguments.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint group = linearGroup();
    split = group % arguments.splits;
    group /= arguments.splits;
    if (group >= rowTiles * outputTiles) return;
    // Bands of tiles of outputs; inside a band, all its tiles for one row of tiles and then for the next.
    uint bandStart = group / (BAND * rowTiles) * BAND;
    uint bandWidth = min(BAND, outputTiles - bandStart);
    uint inBand = group - bandStart * rowTiles;
    TilePlace tile = TilePlace(
        inBand / bandWidth * TILE_ROWS, (bandStart + inBand % bandWidth) * TILE_OUTPUTS, arguments.rows, arguments.outputs,
        arguments.channels);
    uint start = split * arguments.splitChannels;
    multiplyTile(tile, start, min(start + arguments.splitChannels, arguments.channels));
}
