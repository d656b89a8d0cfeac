// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// y = epilogue(x · Wᵀ + b) for devices that run a subgroup as one vector of a processor (llvmpipe): no shared memory and no
// barrier. What costs there is the load, which is made lane by lane; arithmetic and shuffles by a constant are nearly free. So each
// lane decodes the weights of its own outputs, once for all rows of the tile, and the subgroup loads each chunk of x together and
// deals it out by shuffles.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "linear/epilogue.glsl"

// The lanes of a subgroup, which is the whole work-group: 4, 8 or 16.
layout(constant_id = 4) const uint LANES = 8;
layout(constant_id = 5) const uint TILE_ROWS = 4;
// The outputs of each lane, LANES apart.
layout(constant_id = 6) const uint TILE_OUTPUTS = 2;

const uint PAIRS = 16u / LANES;

void main() {
    uint lane = gl_SubgroupInvocationID;
    uint outputTiles = (arguments.outputs + LANES * TILE_OUTPUTS - 1u) / (LANES * TILE_OUTPUTS);
    uint group = linearGroup();
    uint firstRow = (group / outputTiles) * TILE_ROWS;
    uint firstOutput = (group % outputTiles) * LANES * TILE_OUTPUTS + lane;
    if (firstRow >= arguments.rows) return;

    float sums[TILE_ROWS * TILE_OUTPUTS];
    [[unroll]] for (uint i = 0; i < TILE_ROWS * TILE_OUTPUTS; i++) sums[i] = 0.0;

    uint chunks = arguments.channels / 32u;
    [[dont_unroll]] for (uint chunk = 0; chunk < chunks; chunk++) {
        vec2 x[TILE_ROWS * PAIRS];
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            uint xChunk = min(firstRow + r, arguments.rows - 1u) * chunks + chunk;
            [[unroll]] for (uint i = 0; i < PAIRS; i++) x[r * PAIRS + i] = LOAD2(arguments.x, 0u, 16u * xChunk + i * LANES + lane);
        }
        [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
            uint n = min(firstOutput + o * LANES, arguments.outputs - 1u);
            float w[32];
            DECODE_CHUNK(w, arguments.weight, 1u, n * chunks + chunk)
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                float part = 0.0;
                [[unroll]] for (uint k = 0; k < 32; k++) {
                    vec2 pair = x[r * PAIRS + k / (2u * LANES)];
                    part += subgroupShuffle((k & 1u) == 0u ? pair.x : pair.y, (k / 2u) % LANES) * w[k];
                }
                sums[r * TILE_OUTPUTS + o] += part;
            }
        }
    }
    [[dont_unroll]] for (uint i = 0; i < TILE_ROWS * TILE_OUTPUTS; i++) {
        float sum;
        CHOOSE(sum, sums, TILE_ROWS * TILE_OUTPUTS, i)
        finish(firstRow + i / TILE_OUTPUTS, firstOutput + i % TILE_OUTPUTS * LANES, sum);
    }
}
