#version 460
// Attention of few queries over many keys, as in decoding, for graphics processors: bound by the bytes of the keys and values.
//
// A key is read by LANES_PER_KEY neighbouring lanes, eight channels each (16 bytes of f16), and serves all rows of the tile; a
// subgroup reads as many keys at once as it has such streams, and several of each for more loads in flight. Each stream has an
// online softmax of its own (Milakov & Gimelshein 2018); streams, and then subgroups, are folded at the end.
#include "common/arguments.glsl"
#include "common/eights.glsl"
#include "common/functions.glsl"
#include "common/registers.glsl"
#include "attention/arguments.glsl"
#include "attention/partials.glsl"

// A power of two.
layout(constant_id = 6) const uint LANES_PER_KEY = 16;
layout(constant_id = 7) const uint TILE_ROWS = 4;
// How often the lanes of a stream go over a head: ⌈channels / (8 · LANES_PER_KEY)⌉.
layout(constant_id = 8) const uint SPANS = 1;
layout(constant_id = 9) const uint LANES = 32;

const uint SUBGROUPS = 4;
// The keys of a stream that are in flight at once, with their values: 128 bytes a lane.
const uint DEPTH = KEYS_ARE_HALF ? 4u : 2u;

// For each subgroup the largest score, the weights, and the sums of one row.
const uint SHARED_ROW = 2u + SPANS * LANES_PER_KEY * 8u;
shared float folded[SUBGROUPS * SHARED_ROW];

float sumOfKey(float x) {
    FOR_EACH_DISTANCE(distance, 1u, LANES_PER_KEY) x += subgroupShuffle(x, gl_SubgroupInvocationID ^ distance);
    return x;
}

void main() {
    Tile tile;
    if (!findTile(int(TILE_ROWS), 1u, tile)) return;
    uint lane = gl_SubgroupInvocationID;
    uint laneOfKey = lane % LANES_PER_KEY;
    const uint streams = LANES / LANES_PER_KEY;
    uint stream = lane / LANES_PER_KEY;
    // Lanes past the last channels read those again, against queries of zero.
    const uint eights = arguments.channels / 8u;

    int positions[TILE_ROWS];
    uint biases[TILE_ROWS];
    vec4 queries[TILE_ROWS * SPANS * 2u];
    vec4 sums[TILE_ROWS * SPANS * 2u];
    float largest[TILE_ROWS];
    float weights[TILE_ROWS];
    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
        int row = min(tile.start + int(r), tile.end - 1);
        positions[r] = positionOf(tile, row);
        biases[r] = HAS_BIAS ? biasStart(tile, row) : 0u;
        largest[r] = LOWEST;
        weights[r] = 0.0;
        uint first = headIndex(tile, row) * eights;
        [[unroll]] for (uint s = 0; s < SPANS; s++) {
            uint eight = s * LANES_PER_KEY + laneOfKey;
            uvec4 low;
            uvec4 high;
            LOAD8_AS(ACTIVATIONS_ARE_HALF, arguments.queries, 0u, first + min(eight, eights - 1u), low, high)
            float factor = eight < eights ? arguments.scale : 0.0;
            queries[(r * SPANS + s) * 2u] = firstFour(ACTIVATIONS_ARE_HALF, low) * factor;
            queries[(r * SPANS + s) * 2u + 1u] = lastFour(ACTIVATIONS_ARE_HALF, low, high) * factor;
            sums[(r * SPANS + s) * 2u] = vec4(0.0);
            sums[(r * SPANS + s) * 2u + 1u] = vec4(0.0);
        }
    }

    const int step_ = int(SUBGROUPS * streams * DEPTH);
    int streamStart = tile.keyStart + int((gl_SubgroupID * DEPTH) * streams + stream);
    // All subgroups take the same number of steps; keys past the end are the last one again and get no weight.
    [[dont_unroll]] for (int base = 0; tile.keyStart + base < tile.keyEnd; base += step_) {
        // All loads of a step come first, those of the values, too: bytes in flight are what speed depends on.
        uvec4 keyLow[DEPTH * SPANS];
        uvec4 keyHigh[DEPTH * SPANS];
        uvec4 valueLow[DEPTH * SPANS];
        uvec4 valueHigh[DEPTH * SPANS];
        [[unroll]] for (uint i = 0; i < DEPTH * SPANS; i++) {
            int key = streamStart + base + int(i / SPANS * streams);
            uint eight = min(i % SPANS * LANES_PER_KEY + laneOfKey, eights - 1u);
            eight += keyElement(tile, min(key, tile.lastKey)) / 8u;
            LOAD8_AS(KEYS_ARE_HALF, arguments.keys, 1u, eight, keyLow[i], keyHigh[i])
            LOAD8_AS(KEYS_ARE_HALF, arguments.values, 2u, eight, valueLow[i], valueHigh[i])
        }
        float scores[TILE_ROWS * DEPTH];
        [[unroll]] for (uint d = 0; d < DEPTH; d++) {
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) scores[r * DEPTH + d] = 0.0;
            [[unroll]] for (uint s = 0; s < SPANS; s++) {
                vec4 a = firstFour(KEYS_ARE_HALF, keyLow[d * SPANS + s]);
                vec4 b = lastFour(KEYS_ARE_HALF, keyLow[d * SPANS + s], keyHigh[d * SPANS + s]);
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                    uint i = (r * SPANS + s) * 2u;
                    scores[r * DEPTH + d] += dot(queries[i], a) + dot(queries[i + 1u], b);
                }
            }
        }
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            float maximum = largest[r];
            [[unroll]] for (uint d = 0; d < DEPTH; d++) {
                int key = streamStart + base + int(d * streams);
                float score = capped(sumOfKey(scores[r * DEPTH + d]));
                if (HAS_BIAS) score += biasAt(biases[r], min(key, tile.lastKey));
                // A bias of −∞ hides a key.
                bool seen = isVisible(tile, positions[r], key) && !(score < LOWEST);
                scores[r * DEPTH + d] = seen ? score : -1.0 / 0.0;
                maximum = max(maximum, seen ? score : LOWEST);
            }
            float decay = exponential(largest[r] - maximum);
            largest[r] = maximum;
            weights[r] *= decay;
            [[unroll]] for (uint i = 0; i < SPANS * 2u; i++) sums[r * SPANS * 2u + i] *= decay;
            [[unroll]] for (uint d = 0; d < DEPTH; d++) {
                float score = scores[r * DEPTH + d];
                float weight = score < LOWEST ? 0.0 : exponential(score - maximum);
                weights[r] += weight;
                scores[r * DEPTH + d] = weight;
            }
        }
        [[unroll]] for (uint d = 0; d < DEPTH; d++) {
            [[unroll]] for (uint s = 0; s < SPANS; s++) {
                vec4 a = firstFour(KEYS_ARE_HALF, valueLow[d * SPANS + s]);
                vec4 b = lastFour(KEYS_ARE_HALF, valueLow[d * SPANS + s], valueHigh[d * SPANS + s]);
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                    uint i = (r * SPANS + s) * 2u;
                    sums[i] += scores[r * DEPTH + d] * a;
                    sums[i + 1u] += scores[r * DEPTH + d] * b;
                }
            }
        }
    }

    // The streams of a subgroup.
    FOR_EACH_DISTANCE(distance, LANES_PER_KEY, LANES) {
        uint other = lane ^ distance;
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            float maximum = max(largest[r], subgroupShuffle(largest[r], other));
            float decay = exponential(largest[r] - maximum);
            largest[r] = maximum;
            weights[r] *= decay;
            weights[r] += subgroupShuffle(weights[r], other);
            [[unroll]] for (uint i = 0; i < SPANS * 2u; i++) {
                vec4 sum = sums[r * SPANS * 2u + i] * decay;
                sums[r * SPANS * 2u + i] = sum + subgroupShuffle(sum, other);
            }
        }
    }
    // The subgroups, a row at a time.
    uint self = gl_SubgroupID * LANES + lane;
    [[dont_unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
        int row = tile.start + int(r);
        if (row >= tile.end) break;
        uint place = gl_SubgroupID * SHARED_ROW;
        float ownLargest;
        float ownWeight;
        CHOOSE(ownLargest, largest, TILE_ROWS, r)
        CHOOSE(ownWeight, weights, TILE_ROWS, r)
        barrier();
        if (lane == 0u) {
            folded[place] = ownLargest;
            folded[place + 1u] = ownWeight;
        }
        if (stream == 0u) {
            [[unroll]] for (uint i = 0; i < SPANS * 2u; i++) {
                vec4 sum = sums[i];
                [[unroll]] for (uint other = 1; other < TILE_ROWS; other++) sum = r == other ? sums[other * SPANS * 2u + i] : sum;
                uint channel = (i / 2u * LANES_PER_KEY + laneOfKey) * 8u + i % 2u * 4u;
                [[unroll]] for (uint j = 0; j < 4; j++) {
                    if (channel < arguments.channels) folded[place + 2u + channel + j] = sum[j];
                }
            }
        }
        barrier();
        float maximum = LOWEST;
        [[unroll]] for (uint g = 0; g < SUBGROUPS; g++) maximum = max(maximum, folded[g * SHARED_ROW]);
        float factors[SUBGROUPS];
        float weight = 0.0;
        [[unroll]] for (uint g = 0; g < SUBGROUPS; g++) {
            factors[g] = exponential(folded[g * SHARED_ROW] - maximum);
            weight += folded[g * SHARED_ROW + 1u] * factors[g];
        }
        uint head = headIndex(tile, row);
        [[dont_unroll]] for (uint channel = self; channel < arguments.channels; channel += SUBGROUPS * LANES) {
            float sum = 0.0;
            [[unroll]] for (uint g = 0; g < SUBGROUPS; g++) sum += folded[g * SHARED_ROW + 2u + channel] * factors[g];
            if (arguments.splits == 1u) {
                STORE(arguments.result, 7u, head * arguments.channels + channel, weight == 0.0 ? 0.0 : sum / weight)
            } else {
                arguments.result[AT(7u, partialStart(tile, head) + PARTIAL_HEAD + channel, 4u)].value = sum;
            }
        }
        if (arguments.splits > 1u && self < PARTIAL_HEAD) {
            arguments.result[AT(7u, partialStart(tile, head) + self, 4u)].value = self == 0u ? maximum : weight;
        }
    }
}
