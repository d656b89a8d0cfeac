// variants: WEIGHT = f32 f16 bf16 q8_0
#version 460
// A convolution whose groups have whole chunks of 32 input channels, for devices that run a subgroup as one vector of a processor
// (llvmpipe). As in linear/lanes.comp, each lane decodes the weights of its own outputs, once for all pixels of the tile, and the
// subgroup loads what a tap meets of each pixel together and deals it out by shuffles.
//
// The pixels of a tile are of one phase: in a transposed convolution, rows (and columns) that leave the same remainder when divided by
// the stride. They meet the same taps, and the others are left out; a convolution has a single phase.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "convolution/arguments.glsl"

// The lanes of a subgroup, which is the whole work-group: 4, 8 or 16.
layout(constant_id = 5) const uint LANES = 8;
layout(constant_id = 6) const uint TILE_PIXELS = 8;
// The outputs of each lane, LANES apart.
layout(constant_id = 7) const uint TILE_OUTPUTS = 2;

const uint PAIRS = 16u / LANES;

// The pixel of the result that stands at a place of the grid of its phase; none where the grid reaches beyond an image.
uint resultPixel(uint place, uvec2 grid, uvec2 phase, uvec2 steps) {
    uint row = place / grid.y % grid.x * steps.x + phase.x;
    uint column = place % grid.y * steps.y + phase.y;
    bool isInside = row < arguments.outputHeight && column < arguments.outputWidth;
    return isInside ? (place / (grid.x * grid.y) * arguments.outputHeight + row) * arguments.outputWidth + column : 0xFFFFFFFFu;
}

void main() {
    uvec2 kernel = both(arguments.kernel);
    uvec2 stride = both(arguments.stride);
    uvec2 dilation = both(arguments.dilation);
    uvec2 padding = both(arguments.padding);
    uint upsampling = arguments.options >> 16;
    uvec2 extent = uvec2(arguments.inputHeight, arguments.inputWidth);

    uvec2 steps = TRANSPOSED ? stride : uvec2(1u);
    uvec2 grid = (uvec2(arguments.outputHeight, arguments.outputWidth) + steps - 1u) / steps;
    uint images = arguments.pixels / (arguments.outputHeight * arguments.outputWidth);
    uint pixelTiles = (images * grid.x * grid.y + TILE_PIXELS - 1u) / TILE_PIXELS;
    uint groupTiles = (groupOutputs() + LANES * TILE_OUTPUTS - 1u) / (LANES * TILE_OUTPUTS);
    uint outputTiles = inputChannels() / groupInputs() * groupTiles;
    uint tile = linearGroup() / outputTiles;
    uint outputTile = linearGroup() % outputTiles;
    uint phaseIndex = tile / pixelTiles;
    if (phaseIndex >= steps.x * steps.y) return;
    uvec2 phase = uvec2(phaseIndex / steps.y, phaseIndex % steps.y);
    uint firstPlace = tile % pixelTiles * TILE_PIXELS;
    uint channelGroup = outputTile / groupTiles;
    uint lastOutput = (channelGroup + 1u) * groupOutputs() - 1u;
    uint firstOutput = channelGroup * groupOutputs() + outputTile % groupTiles * LANES * TILE_OUTPUTS + gl_SubgroupInvocationID;

    // Where tap 0 lies for each pixel; out of reach for a pixel that is none.
    ivec2 origins[TILE_PIXELS];
    uint imageStarts[TILE_PIXELS];
    [[unroll]] for (uint r = 0; r < TILE_PIXELS; r++) {
        uint pixel = resultPixel(firstPlace + r, grid, phase, steps);
        uvec2 position = uvec2(pixel / arguments.outputWidth % arguments.outputHeight, pixel % arguments.outputWidth);
        ivec2 origin = TRANSPOSED ? ivec2((position + padding) / stride) : ivec2(position * stride) - ivec2(padding);
        origins[r] = pixel < arguments.pixels ? origin : ivec2(-0x40000000);
        imageStarts[r] = pixel / (arguments.outputWidth * arguments.outputHeight) * extent.x;
    }

    float sums[TILE_PIXELS * TILE_OUTPUTS];
    [[unroll]] for (uint i = 0; i < TILE_PIXELS * TILE_OUTPUTS; i++) sums[i] = 0.0;
    uint chunks = groupInputs() / 32u;
    uint pixelChunks = inputChannels() / 32u;
    ivec2 remainder = ivec2((phase + padding) % stride);
    [[dont_unroll]] for (uint tap = 0; tap < kernel.x * kernel.y; tap++) {
        ivec2 offset = ivec2(uvec2(tap / kernel.y, tap % kernel.y) * dilation);
        if (TRANSPOSED) {
            offset = remainder - offset;
            // A whole number of strides, or the tap meets none of the phase's pixels.
            if (any(notEqual(uvec2(abs(offset)) % stride, uvec2(0u)))) continue;
            offset /= ivec2(stride);
        }
        uint starts[TILE_PIXELS];
        bool meets[TILE_PIXELS];
        [[unroll]] for (uint r = 0; r < TILE_PIXELS; r++) {
            uvec2 position = uvec2(origins[r] + offset);
            meets[r] = all(lessThan(position, extent * upsampling));
            if (upsampling > 1u) position /= upsampling;
            uint pixel = (imageStarts[r] + position.x) * extent.y + position.y;
            starts[r] = meets[r] ? pixel * pixelChunks + channelGroup * chunks : 0u;
        }
        [[dont_unroll]] for (uint chunk = 0; chunk < chunks; chunk++) {
            vec2 x[TILE_PIXELS * PAIRS];
            [[unroll]] for (uint r = 0; r < TILE_PIXELS; r++) {
                [[unroll]] for (uint i = 0; i < PAIRS; i++) {
                    vec2 pair = LOAD2(arguments.x, 0u, 16u * (starts[r] + chunk) + i * LANES + gl_SubgroupInvocationID);
                    x[r * PAIRS + i] = meets[r] ? pair : vec2(0.0);
                }
            }
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                uint n = min(firstOutput + o * LANES, lastOutput);
                uint block = (n * kernel.x * kernel.y + tap) * chunks + chunk;
                float w[32];
                decodeChunk(arguments.weight + AT(1u, block, WEIGHT_BLOCK_BYTES), 0u, w);
                [[unroll]] for (uint r = 0; r < TILE_PIXELS; r++) {
                    float part = 0.0;
                    [[unroll]] for (uint k = 0; k < 32; k++) {
                        vec2 pair = x[r * PAIRS + k / (2u * LANES)];
                        part += subgroupShuffle((k & 1u) == 0u ? pair.x : pair.y, (k / 2u) % LANES) * w[k];
                    }
                    sums[r * TILE_OUTPUTS + o] += part;
                }
            }
        }
    }
    [[dont_unroll]] for (uint i = 0; i < TILE_PIXELS * TILE_OUTPUTS; i++) {
        float sum;
        CHOOSE(sum, sums, TILE_PIXELS * TILE_OUTPUTS, i)
        uint channel = firstOutput + i % TILE_OUTPUTS * LANES;
        if (channel <= lastOutput) finish(resultPixel(firstPlace + i / TILE_OUTPUTS, grid, phase, steps), channel, sum);
    }
}
