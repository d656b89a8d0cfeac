// variants: WEIGHT = f32 f16 bf16 q8_0
#version 460
// A convolution as a matrix product (implicit GEMM), a work-group for each tile of TILE_PIXELS of one phase by TILE_OUTPUTS, multiples of
// 16. Rows are pixels, their channels the taps one after the other, each with the input channels of the group: 32 of them at a time pass
// through shared memory, as in linear/matmul.comp, and what a pixel sees is found as its tile is brought.
//
// Where there are too few tiles, SPLITS work-groups share the channels of each and leave their sums, f32, in `result`, which is
// [splits, pixels, outputs] then; linear/combine finishes them.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "convolution/arguments.glsl"
#include "convolution/phases.glsl"

layout(constant_id = 5) const uint TILE_PIXELS = 64;
layout(constant_id = 6) const uint TILE_OUTPUTS = 128;
layout(constant_id = 7) const uint SPLITS = 1;
// Whether a group has whole chunks of 32 channels, all of one tap; otherwise channels are found one by one.
layout(constant_id = 8) const bool IN_CHUNKS = true;
const uint INVOCATIONS = 256;
const uint ROWS = TILE_PIXELS / 16u;
const uint OUTPUTS = TILE_OUTPUTS / 16u;

// Channels first, so that neighbouring invocations read neighbouring words.
shared float xTile[32 * TILE_PIXELS];
shared float weightTile[32 * TILE_OUTPUTS];

void main() {
    uint self = gl_LocalInvocationIndex;
    Phases all = phases();
    uint pixelTiles = (all.places + TILE_PIXELS - 1u) / TILE_PIXELS;
    uint groupTiles = (groupOutputs() + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint inputs = arguments.groupInputs;
    uint outputTiles = arguments.channels / inputs * groupTiles;
    uint index = linearGroup();
    uint split = index % SPLITS;
    index /= SPLITS;
    uint outputTile = index % outputTiles;
    uint phaseIndex = index / outputTiles / pixelTiles;
    if (phaseIndex >= all.count.x * all.count.y) return;
    uvec2 phase = uvec2(phaseIndex / all.count.y, phaseIndex % all.count.y);
    uint firstPlace = index / outputTiles % pixelTiles * TILE_PIXELS;
    uint group = outputTile / groupTiles;
    uint lastOutput = (group + 1u) * groupOutputs() - 1u;
    uint firstOutput = group * groupOutputs() + outputTile % groupTiles * TILE_OUTPUTS;
    uint column = self % 16u;
    uint row = self / 16u;

    // All that an invocation brings of x is of one pixel: the invocations are a multiple of TILE_PIXELS.
    uint loadedRow = self % TILE_PIXELS;
    View loadedView = view(resultPixel(all, phase, firstPlace + loadedRow));

    float sums[ROWS * OUTPUTS];
    [[unroll]] for (uint i = 0; i < ROWS * OUTPUTS; i++) sums[i] = 0.0;
    uint taps = arguments.kernel.x * arguments.kernel.y;
    uint channels = taps * inputs;
    uint splitChannels = ((channels + 31u) / 32u + SPLITS - 1u) / SPLITS * 32u;
    uint end = min((split + 1u) * splitChannels, channels);
    for (uint first = split * splitChannels; first < end; first += 32u) {
        ivec2 offset;
        if (IN_CHUNKS && !tapOffset(phase, first / inputs, offset)) continue;
        barrier();
        if (IN_CHUNKS) {
            // The invocations without a chunk of weights to decode come first to the pixels.
            if (self < TILE_OUTPUTS) {
                float w[32];
                DECODE_CHUNK(w, arguments.weight, 1u, (min(firstOutput + self, lastOutput) * channels + first) / 32u)
                [[unroll]] for (uint k = 0; k < 32; k++) weightTile[k * TILE_OUTPUTS + self] = w[k];
            }
            uint pixel;
            bool meets = inputPixel(loadedView, offset, pixel);
            uint start = (pixel * arguments.channels + group * inputs + first % inputs) / 4u;
            for (uint four = self / TILE_PIXELS; four < 8u; four += INVOCATIONS / TILE_PIXELS) {
                vec4 x = meets ? LOAD4(arguments.x, 0u, start + four) : vec4(0.0);
                [[unroll]] for (uint j = 0; j < 4; j++) xTile[(4u * four + j) * TILE_PIXELS + loadedRow] = x[j];
            }
        } else {
#ifdef WEIGHT_IS_PLAIN
            for (uint i = self; i < 32u * TILE_OUTPUTS; i += INVOCATIONS) {
                uint channel = first + i / TILE_OUTPUTS;
                float w = 0.0;
                if (channel < end) {
                    uint element = min(firstOutput + i % TILE_OUTPUTS, lastOutput) * channels + channel;
                    w = decodeElement(WeightElements(arguments.weight) + AT(1u, element, WEIGHT_ELEMENT_BYTES));
                }
                weightTile[i] = w;
            }
            for (uint k = self / TILE_PIXELS; k < 32u; k += INVOCATIONS / TILE_PIXELS) {
                uint channel = first + k;
                uint pixel;
                float x = 0.0;
                if (channel < end && tapOffset(phase, channel / inputs, offset) && inputPixel(loadedView, offset, pixel)) {
                    x = LOAD(arguments.x, 0u, pixel * arguments.channels + group * inputs + channel % inputs);
                }
                xTile[k * TILE_PIXELS + loadedRow] = x;
            }
#endif
        }
        barrier();
        for (uint k = 0; k < 32; k++) {
            float x[ROWS];
            [[unroll]] for (uint r = 0; r < ROWS; r++) x[r] = xTile[k * TILE_PIXELS + r * 16u + row];
            [[unroll]] for (uint o = 0; o < OUTPUTS; o++) {
                float w = weightTile[k * TILE_OUTPUTS + o * 16u + column];
                [[unroll]] for (uint r = 0; r < ROWS; r++) sums[r * OUTPUTS + o] += x[r] * w;
            }
        }
    }
    beginFinish();
    [[dont_unroll]] for (uint i = 0; i < ROWS * OUTPUTS; i++) {
        float sum;
        CHOOSE(sum, sums, ROWS * OUTPUTS, i)
        uint pixel = resultPixel(all, phase, firstPlace + i / OUTPUTS * 16u + row);
        uint channel = firstOutput + i % OUTPUTS * 16u + column;
        if (channel > lastOutput) continue;
        if (SPLITS == 1u) {
            finish(pixel, channel, sum);
        } else if (pixel < arguments.pixels) {
            arguments.result[AT(2u, (split * arguments.pixels + pixel) * arguments.outputs + channel, 4u)].value = sum;
        }
    }
}
