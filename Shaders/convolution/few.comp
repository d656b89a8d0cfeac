// variants: WEIGHT = f32 f16 bf16
#version 460
// A convolution of few channels, as first layers have, for devices that run a subgroup as one vector of a processor (llvmpipe): a
// subgroup for as many pixels as it has lanes. Each lane loads the input of its own pixel, which shuffles deal out to all, and the weights
// of its own outputs: for each product an eighth of a load and more where the plain kernel makes two.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "convolution/arguments.glsl"
#include "convolution/positions.glsl"

// The lanes of a subgroup, which is the whole work-group.
layout(constant_id = 5) const uint LANES = 8;
// The outputs of each lane, LANES apart.
layout(constant_id = 6) const uint TILE_OUTPUTS = 2;

void main() {
    uint lane = gl_SubgroupInvocationID;
    uint outputTiles = (arguments.outputs + LANES * TILE_OUTPUTS - 1u) / (LANES * TILE_OUTPUTS);
    uint group = linearGroup();
    uint firstPixel = (group / outputTiles) * LANES;
    uint firstOutput = (group % outputTiles) * LANES * TILE_OUTPUTS + lane;
    if (firstPixel >= arguments.pixels) return;

    float sums[LANES * TILE_OUTPUTS];
    [[unroll]] for (uint i = 0; i < LANES * TILE_OUTPUTS; i++) sums[i] = 0.0;
    uvec2 kernel = arguments.kernel;
    uvec2 stride = arguments.stride;
    uvec2 dilation = arguments.dilation;
    uvec2 padding = arguments.padding;
    uint inputs = arguments.channels;
    // Lanes past the end go over the last pixel again.
    uint pixel = min(firstPixel + lane, arguments.pixels - 1u);
    uint column = pixel % arguments.outputWidth;
    uint row = pixel / arguments.outputWidth % arguments.outputHeight;
    uint image = pixel / (arguments.outputWidth * arguments.outputHeight);
    [[dont_unroll]] for (uint tap = 0; tap < kernel.x * kernel.y; tap++) {
        uint y = inputPosition(row, tap / kernel.y, stride.x, dilation.x, padding.x, arguments.inputHeight);
        uint x = inputPosition(column, tap % kernel.y, stride.y, dilation.y, padding.y, arguments.inputWidth);
        bool meets = y < arguments.inputHeight && x < arguments.inputWidth;
        uint xStart = meets ? ((image * arguments.inputHeight + y) * arguments.inputWidth + x) * inputs : 0u;
        [[dont_unroll]] for (uint k = 0; k < inputs; k++) {
            float own = LOAD(arguments.x, 0u, xStart + k);
            own = meets ? own : 0.0;
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                uint channel = min(firstOutput + o * LANES, arguments.outputs - 1u);
                uint index = (channel * kernel.x * kernel.y + tap) * inputs + k;
                float w = decodeElement(WeightElements(arguments.weight) + AT(1u, index, WEIGHT_ELEMENT_BYTES));
                [[unroll]] for (uint p = 0; p < LANES; p++) sums[p * TILE_OUTPUTS + o] += subgroupShuffle(own, p) * w;
            }
        }
    }
    beginFinish();
    [[dont_unroll]] for (uint i = 0; i < LANES * TILE_OUTPUTS; i++) {
        float sum;
        CHOOSE(sum, sums, LANES * TILE_OUTPUTS, i)
        finish(firstPixel + i / TILE_OUTPUTS, firstOutput + i % TILE_OUTPUTS * LANES, sum);
    }
}
