// variants: MATRIX = emulated
// variants: WEIGHT = f32 f16 bf16 q8_0
// prebuilt: MATRIX = khr
#version 460
// A convolution as a matrix product on tensor cores (implicit GEMM): rows are the pixels of the result, their channels the taps one
// after the other, each with the input channels of the group; what a pixel sees is found as its tile is brought, never in memory.
//
// An input pixel has a multiple of eight channels for each group, so that eight that follow each other belong to one tap. Tiles as in
// common/matrixTile.glsl. Where there are too few of them, SPLITS work-groups share the channels of a tile and leave their sums, f32,
// in `result`, which is [splits, pixels, outputs] then; linear/combine finishes them.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "convolution/arguments.glsl"
#define MATRIX_CONSTANT 5
#include "common/matrixTile.glsl"

layout(constant_id = 13) const uint SPLITS = 1;

// Of each piece: where its image begins, in eights of channels, and where the first tap of its pixel lies in the (upsampled) image.
uint imageStarts[OWN_ROW_PIECES];
ivec2 origins[OWN_ROW_PIECES];

uint group;
uint split;
// Of the step: how far its tap lies from the first, and its eight of channels.
ivec2 tapOffset;
uint stepEight;

uint rowChannels() { return (arguments.kernel & 0xFFFFu) * (arguments.kernel >> 16) * groupInputs(); }

void prepareRow(uint i, uint pixel) {
    uint column = pixel % arguments.outputWidth;
    uint line = pixel / arguments.outputWidth;
    uint image = line / arguments.outputHeight;
    imageStarts[i] = image * arguments.inputHeight * arguments.inputWidth * (inputChannels() / 8u);
    uvec2 place = uvec2(line % arguments.outputHeight, column);
    origins[i] = ivec2(place * (TRANSPOSED ? uvec2(1u) : both(arguments.stride)));
    origins[i] += (TRANSPOSED ? 1 : -1) * ivec2(both(arguments.padding));
}

void beginStep(uint channel) {
    uint inputs = groupInputs();
    uint tap = channel / inputs;
    uint width = arguments.kernel >> 16;
    tapOffset = ivec2(uvec2(tap / width, tap % width) * both(arguments.dilation));
    stepEight = (group * inputs + channel % inputs) / 8u;
}

// Where a tap meets the image; false where it meets padding, or the space between pixels of a transposed convolution.
bool inputPixel(uint i, out uvec2 place) {
    uvec2 extent = uvec2(arguments.inputHeight, arguments.inputWidth);
    ivec2 offset = TRANSPOSED ? origins[i] - tapOffset : origins[i] + tapOffset;
    uvec2 step_ = TRANSPOSED ? both(arguments.stride) : uvec2(arguments.options >> 16);
    place = uvec2(max(offset, ivec2(0)));
    bool isBetween = false;
    // Steps of one are most of them, and a division is long.
    if (step_ != uvec2(1u)) {
        isBetween = TRANSPOSED && place % step_ != uvec2(0u);
        place /= step_;
    }
    return all(greaterThanEqual(offset, ivec2(0))) && all(lessThan(place, extent)) && !isBetween;
}

void fetchRow(uint i, out uvec4 eight[2]) {
    eight[0] = uvec4(0u);
    eight[1] = uvec4(0u);
    uvec2 place;
    if (!inputPixel(i, place)) return;
    uint index = imageStarts[i] + (place.x * arguments.inputWidth + place.y) * (inputChannels() / 8u) + stepEight;
    if (ACTIVATIONS_ARE_HALF) {
        eight[0] = WordFours(arguments.x)[AT(0u, index, 16u)].value;
    } else {
        eight[0] = WordFours(arguments.x)[AT(0u, 2u * index, 16u)].value;
        eight[1] = WordFours(arguments.x)[AT(0u, 2u * index + 1u, 16u)].value;
    }
}

uint weightStart(uint n) { return (group * groupOutputs() + n) * rowChannels(); }

void finishSum(uint row, uint column, float sum) {
    if (column >= groupOutputs()) return;
    column += group * groupOutputs();
    if (SPLITS == 1u) {
        finish(row, column, sum);
    } else if (row < arguments.pixels) {
        arguments.result[AT(2u, (split * arguments.pixels + row) * arguments.outputs + column, 4u)].value = sum;
    }
}

void main() {
    uint rowTiles = (arguments.pixels + TILE_ROWS - 1u) / TILE_ROWS;
    uint outputTiles = (groupOutputs() + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint index = linearGroup();
    split = index % SPLITS;
    index /= SPLITS;
    group = index / (rowTiles * outputTiles);
    index %= rowTiles * outputTiles;
    if (group >= inputChannels() / groupInputs()) return;
    uint channels = rowChannels();
    uint splitChannels = ((channels + 31u) / 32u + SPLITS - 1u) / SPLITS * 32u;
    // All tiles of the outputs for one tile of pixels, and then for the next: pixels are read once.
    TilePlace tile = TilePlace(
        index / outputTiles * TILE_ROWS, index % outputTiles * TILE_OUTPUTS, arguments.pixels, groupOutputs(), channels);
    uint start = split * splitChannels;
    multiplyTile(tile, start, min(start + splitChannels, channels));
}
