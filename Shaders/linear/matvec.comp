// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// y = epilogue(x · Wᵀ + b) for a few rows of x, which is bound by the bytes of the weights: a subgroup for a few outputs, its lanes
// over the chunks of a row of W, each chunk decoded once for all rows of x.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "linear/epilogue.glsl"

layout(constant_id = 4) const uint TILE_ROWS = 1;
// The outputs of each subgroup.
layout(constant_id = 5) const uint TILE_OUTPUTS = 2;

void main() {
    uint outputTiles = (arguments.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint tile = linearGroup() * gl_NumSubgroups + gl_SubgroupID;
    uint firstRow = (tile / outputTiles) * TILE_ROWS;
    uint firstOutput = (tile % outputTiles) * TILE_OUTPUTS;
    if (firstRow >= arguments.rows) return;

    float sums[TILE_ROWS * TILE_OUTPUTS];
    [[unroll]] for (uint i = 0; i < TILE_ROWS * TILE_OUTPUTS; i++) sums[i] = 0.0;
    uint chunks = arguments.channels / 32u;
    uint blocks = chunks / BLOCK_CHUNKS;
    for (uint chunk = gl_SubgroupInvocationID; chunk < chunks; chunk += gl_SubgroupSize) {
        float w[TILE_OUTPUTS][32];
        [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
            uint block = min(firstOutput + o, arguments.outputs - 1u) * blocks + chunk / BLOCK_CHUNKS;
            decodeChunk(arguments.weight + AT(1u, block, WEIGHT_BLOCK_BYTES), chunk % BLOCK_CHUNKS, w[o]);
        }
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            uint xChunk = min(firstRow + r, arguments.rows - 1u) * chunks + chunk;
            float parts[TILE_OUTPUTS];
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) parts[o] = 0.0;
            [[unroll]] for (uint i = 0; i < 8; i++) {
                vec4 x = LOAD4(arguments.x, 0u, 8u * xChunk + i);
                [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                    [[unroll]] for (uint j = 0; j < 4; j++) parts[o] += x[j] * w[o][4u * i + j];
                }
            }
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) sums[r * TILE_OUTPUTS + o] += parts[o];
        }
    }
    [[unroll]] for (uint i = 0; i < TILE_ROWS * TILE_OUTPUTS; i++) sums[i] = subgroupAdd(sums[i]);
    // All lanes have all sums; each finishes its own.
    [[dont_unroll]] for (uint i = gl_SubgroupInvocationID; i < TILE_ROWS * TILE_OUTPUTS; i += gl_SubgroupSize) {
        float sum;
        CHOOSE(sum, sums, TILE_ROWS * TILE_OUTPUTS, i)
        finish(firstRow + i / TILE_OUTPUTS, firstOutput + i % TILE_OUTPUTS, sum);
    }
}
