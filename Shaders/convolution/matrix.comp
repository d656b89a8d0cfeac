// variants: MATRIX = emulated
// variants: WEIGHT = f32 f16 bf16 q8_0
// prebuilt: MATRIX = khr
#version 460
// A convolution as a matrix product on tensor cores (implicit GEMM): rows are the pixels of the result, phase by phase, their channels the
// taps one after the other, each with the input channels of the group; what a pixel sees is found as its tile is brought, never in memory.
//
// An input pixel has a multiple of eight channels for each group, so that eight that follow each other belong to one tap. Tiles as in
// common/matrixTile.glsl. Where there are too few of them, SPLITS work-groups share the channels of a tile and leave their sums, f32,
// in `result`, which is [splits, pixels, outputs] then; linear/combine finishes them.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "convolution/arguments.glsl"
#include "convolution/phases.glsl"
#define MATRIX_CONSTANT 5
#define BEGIN_FINISH beginFinish();
#include "common/matrixTile.glsl"

layout(constant_id = 13) const uint SPLITS = 1;

// What the pixel of each piece sees.
View views[OWN_ROW_PIECES];

Phases all;
uvec2 phase;
uint group;
uint split;
// Of the invocation's pieces of a step: whether their tap meets the phase, how far it lies from the first, and their eight of channels.
bool meetsPhase;
ivec2 offset;
uint stepEight;

uint rowChannels() { return arguments.kernel.x * arguments.kernel.y * arguments.groupInputs; }

void prepareRow(uint i, uint place) { views[i] = view(resultPixel(all, phase, place)); }

void beginStep(uint channel) {
    uint inputs = arguments.groupInputs;
    meetsPhase = tapOffset(phase, channel / inputs, offset);
    stepEight = (group * inputs + channel % inputs) / 8u;
}

uint nextStep(uint channel, uint end) {
    if (!TRANSPOSED) return channel;
    uint inputs = arguments.groupInputs;
    ivec2 none;
    [[dont_unroll]] for (; channel < end; channel += STEP) {
        for (uint eight = 0; eight < STEP / 8u; eight++) {
            if (tapOffset(phase, (channel + 8u * eight) / inputs, none)) return channel;
        }
    }
    return channel;
}

void fetchRow(uint i, out uvec4 eight[2]) {
    eight[0] = uvec4(0u);
    eight[1] = uvec4(0u);
    uint pixel;
    if (!meetsPhase || !inputPixel(views[i], offset, pixel)) return;
    uint index = pixel * (arguments.channels / 8u) + stepEight;
    LOAD8_AS(ACTIVATIONS_ARE_HALF, arguments.x, 0u, index, eight[0], eight[1])
}

uint weightStart(uint n) { return (group * groupOutputs() + n) * rowChannels(); }

void finishSum(uint row, uint column, float sum) {
    if (column >= groupOutputs() || row >= all.places) return;
    column += group * groupOutputs();
    uint pixel = resultPixel(all, phase, row);
    if (SPLITS == 1u) {
        finish(pixel, column, sum);
    } else if (pixel < arguments.pixels) {
        arguments.result[AT(2u, (split * arguments.pixels + pixel) * arguments.outputs + column, 4u)].value = sum;
    }
}

void main() {
    all = phases();
    uint rowTiles = (all.places + TILE_ROWS - 1u) / TILE_ROWS;
    uint outputTiles = (groupOutputs() + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint groups = arguments.channels / arguments.groupInputs;
    uint index = linearGroup();
    split = index % SPLITS;
    index /= SPLITS;
    uint block = index / (rowTiles * outputTiles);
    index %= rowTiles * outputTiles;
    group = block % groups;
    uint phaseIndex = block / groups;
    if (phaseIndex >= all.count.x * all.count.y) return;
    phase = uvec2(phaseIndex / all.count.y, phaseIndex % all.count.y);
    uint channels = rowChannels();
    uint splitChannels = ((channels + 31u) / 32u + SPLITS - 1u) / SPLITS * 32u;
    // All tiles of the outputs for one tile of pixels, and then for the next: pixels are read once.
    TilePlace tile = TilePlace(
        index / outputTiles * TILE_ROWS, index % outputTiles * TILE_OUTPUTS, all.places, groupOutputs(), channels);
    uint start = split * splitChannels;
    multiplyTile(tile, start, min(start + splitChannels, channels));
}
