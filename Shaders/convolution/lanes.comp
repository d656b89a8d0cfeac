// variants: WEIGHT = f32 f16 bf16 q8_0
#version 460
// A convolution whose groups have whole chunks of 32 input channels, for devices that run a subgroup as one vector of a processor
// (llvmpipe). As in linear/lanes.comp, each lane decodes the weights of its own outputs, once for all pixels of the tile, and the
// subgroup loads what a tap meets of each pixel together and deals it out by shuffles. The pixels of a tile are of one phase.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "convolution/arguments.glsl"
#include "convolution/phases.glsl"

// The lanes of a subgroup, which is the whole work-group: 4, 8 or 16.
layout(constant_id = 5) const uint LANES = 8;
layout(constant_id = 6) const uint TILE_PIXELS = 8;
// The outputs of each lane, LANES apart.
layout(constant_id = 7) const uint TILE_OUTPUTS = 2;

const uint PAIRS = 16u / LANES;

void main() {
    Phases all = phases();
    uint pixelTiles = (all.places + TILE_PIXELS - 1u) / TILE_PIXELS;
    uint groupTiles = (groupOutputs() + LANES * TILE_OUTPUTS - 1u) / (LANES * TILE_OUTPUTS);
    uint outputTiles = arguments.channels / arguments.groupInputs * groupTiles;
    uint tile = linearGroup() / outputTiles;
    uint outputTile = linearGroup() % outputTiles;
    uint phaseIndex = tile / pixelTiles;
    if (phaseIndex >= all.count.x * all.count.y) return;
    uvec2 phase = uvec2(phaseIndex / all.count.y, phaseIndex % all.count.y);
    uint firstPlace = tile % pixelTiles * TILE_PIXELS;
    uint channelGroup = outputTile / groupTiles;
    uint lastOutput = (channelGroup + 1u) * groupOutputs() - 1u;
    uint firstOutput = channelGroup * groupOutputs() + outputTile % groupTiles * LANES * TILE_OUTPUTS + gl_SubgroupInvocationID;

    View views[TILE_PIXELS];
    [[unroll]] for (uint r = 0; r < TILE_PIXELS; r++) views[r] = view(resultPixel(all, phase, firstPlace + r));

    float sums[TILE_PIXELS * TILE_OUTPUTS];
    [[unroll]] for (uint i = 0; i < TILE_PIXELS * TILE_OUTPUTS; i++) sums[i] = 0.0;
    uint chunks = arguments.groupInputs / 32u;
    uint pixelChunks = arguments.channels / 32u;
    uint taps = arguments.kernel.x * arguments.kernel.y;
    [[dont_unroll]] for (uint tap = 0; tap < taps; tap++) {
        ivec2 offset;
        if (!tapOffset(phase, tap, offset)) continue;
        uint starts[TILE_PIXELS];
        bool meets[TILE_PIXELS];
        [[unroll]] for (uint r = 0; r < TILE_PIXELS; r++) {
            uint pixel;
            meets[r] = inputPixel(views[r], offset, pixel);
            starts[r] = pixel * pixelChunks + channelGroup * chunks;
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
                float w[32];
                DECODE_CHUNK(w, arguments.weight, 1u, (n * taps + tap) * chunks + chunk)
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
    beginFinish();
    [[dont_unroll]] for (uint i = 0; i < TILE_PIXELS * TILE_OUTPUTS; i++) {
        float sum;
        CHOOSE(sum, sums, TILE_PIXELS * TILE_OUTPUTS, i)
        uint channel = firstOutput + i % TILE_OUTPUTS * LANES;
        if (channel <= lastOutput) finish(resultPixel(all, phase, firstPlace + i / TILE_OUTPUTS), channel, sum);
    }
}
