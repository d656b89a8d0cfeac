#version 460
// Attention of few queries over many keys, as in decoding, for graphics processors: bound by the bytes of the keys and values.
//
// A key is read by LANES_PER_KEY neighbouring lanes, eight channels each (16 bytes of f16), and serves all rows of the tile; a
// subgroup reads as many keys at once as it has such streams, and several of each for more loads in flight. Each stream has an
// online softmax of its own (Milakov & Gimelshein 2018); streams, and then subgroups, are folded at the end.
//
// What lanes have of the scores of a step is added up so that each is left with scores of its own: with half of them after each exchange,
// until it has one. So a score costs one exponential and not one in each lane; weights go back to all lanes through shared memory.
#include "common/arguments.glsl"
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_vote : require
#include "common/eights.glsl"
#include "common/functions.glsl"
#include "common/registers.glsl"
#include "attention/arguments.glsl"
#include "attention/partials.glsl"

// A power of two.
layout(constant_id = 6) const uint LANES_PER_KEY = 16;
// A power of two.
layout(constant_id = 7) const uint TILE_ROWS = 4;
// How often the lanes of a stream go over a head: ⌈channels / (8 · LANES_PER_KEY)⌉.
layout(constant_id = 8) const uint SPANS = 1;
layout(constant_id = 9) const uint LANES = 32;

const uint SUBGROUPS = 4;
const uint STREAMS = LANES / LANES_PER_KEY;
// The keys of a stream that are in flight at once, with their values: 128 bytes a lane.
const uint DEPTH = KEYS_ARE_HALF ? 4u : 2u;

// The keys of a work-group's step, a power of two, and those after which, where rows are not to depend on others, sums join those of the keys
// before them: whichever work-group has those.
const uint STEP = SUBGROUPS * STREAMS * DEPTH;
const uint STRETCH = STEP > 256u ? STEP : 256u;

// The scores of a stream's step, DEPTH of each row; those of them that a lane is left with, and of how many rows.
const uint SCORES = TILE_ROWS * DEPTH;
const uint SCORE_LANES = SCORES < LANES_PER_KEY ? SCORES : LANES_PER_KEY;
const uint OWN_SCORES = SCORES / SCORE_LANES;
const uint OWN_ROWS = OWN_SCORES > DEPTH ? OWN_SCORES / DEPTH : 1u;
const uint ROW_SCORES = OWN_SCORES / OWN_ROWS;

// Weights of a step, and by how much a row's sums are to shrink.
const uint SCORE_FOURS = (SCORES + 3u) / 4u;
shared vec4 stagedWeights[SUBGROUPS * STREAMS * SCORE_FOURS];
shared float stagedDecays[SUBGROUPS * STREAMS * TILE_ROWS];

// For each subgroup the largest score, the weights, and the sums of one row.
const uint SHARED_CHANNELS = SPANS * LANES_PER_KEY * 8u;
const uint SHARED_ROW = 2u + SHARED_CHANNELS;
shared float folded[SUBGROUPS * SHARED_ROW];

// What stretches up to now come to: of each row the largest score and the weight, written beside those that are read, and the sums, each of
// which is one invocation's.
shared float joinedHeads[IS_INVARIANT ? 4u * TILE_ROWS : 1u];
shared float joinedSums[IS_INVARIANT ? TILE_ROWS * SHARED_CHANNELS : 1u];

// What lanes of a subgroup have put into shared memory, to all of them. Outside of branches that not all subgroups take: Mesa 26's llvmpipe
// has the whole group wait there.
void exchange() { controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease); }

void main() {
    Tile tile;
    if (!findTile(int(TILE_ROWS), 1u, STRETCH, tile)) return;
    uint lane = gl_SubgroupInvocationID;
    uint laneOfKey = lane % LANES_PER_KEY;
    uint stream = lane / LANES_PER_KEY;
    uint stage = gl_SubgroupID * STREAMS + stream;
    // Lanes past the last channels read those again, against queries of zero.
    const uint eights = arguments.channels / 8u;

    vec4 queries[TILE_ROWS * SPANS * 2u];
    vec4 sums[TILE_ROWS * SPANS * 2u];
    float factor = queryScale();
    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
        uint first = headIndex(tile, min(tile.start + int(r), tile.end - 1)) * eights;
        [[unroll]] for (uint s = 0; s < SPANS; s++) {
            uint eight = s * LANES_PER_KEY + laneOfKey;
            uvec4 low;
            uvec4 high;
            LOAD8_AS(ACTIVATIONS_ARE_HALF, arguments.queries, 0u, first + min(eight, eights - 1u), low, high)
            float own = eight < eights ? factor : 0.0;
            queries[(r * SPANS + s) * 2u] = firstFour(ACTIVATIONS_ARE_HALF, low) * own;
            queries[(r * SPANS + s) * 2u + 1u] = lastFour(ACTIVATIONS_ARE_HALF, low, high) * own;
        }
    }

    // The first of the lane's own scores: where a lane is the upper of two, it keeps the upper half.
    uint ownScore = 0u;
    FOR_EACH_DISTANCE(distance, 1u, SCORE_LANES) ownScore += (laneOfKey & distance) != 0u ? SCORES / 2u / distance : 0u;
    uint ownRow = ownScore / DEPTH;
    int ownDepth = int(ownScore % DEPTH);
    // Lanes beyond those that share scores have them, too.
    bool isFirst = laneOfKey < SCORE_LANES;
    int positions[OWN_ROWS];
    uint biases[OWN_ROWS];
    float largest[OWN_ROWS];
    // Of each of the scores.
    float weights[OWN_SCORES];
    [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
        int row = min(tile.start + int(ownRow + r), tile.end - 1);
        positions[r] = positionOf(tile, row);
        biases[r] = HAS_BIAS ? biasStart(tile, row) : 0u;
    }

    int stretchStart = tile.keyStart;
    uint stretchNumber = 0u;
    do {
        int stretchEnd = IS_INVARIANT ? min(stretchStart + int(STRETCH), tile.keyEnd) : tile.keyEnd;
        [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) largest[r] = LOWEST;
        [[unroll]] for (uint i = 0; i < OWN_SCORES; i++) weights[i] = 0.0;
        [[unroll]] for (uint i = 0; i < TILE_ROWS * SPANS * 2u; i++) sums[i] = vec4(0.0);

        int streamStart = stretchStart + int((gl_SubgroupID * DEPTH) * STREAMS + stream);
        // All subgroups take the same number of steps; keys past the end are the last one again and get no weight.
        [[dont_unroll]] for (int base = 0; stretchStart + base < stretchEnd; base += int(STEP)) {
            // All loads of a step come first, those of the values, too: bytes in flight are what speed depends on.
            uvec4 keyLow[DEPTH * SPANS];
            uvec4 keyHigh[DEPTH * SPANS];
            uvec4 valueLow[DEPTH * SPANS];
            uvec4 valueHigh[DEPTH * SPANS];
            [[unroll]] for (uint i = 0; i < DEPTH * SPANS; i++) {
                int key = streamStart + base + int(i / SPANS * STREAMS);
                uint eight = min(i % SPANS * LANES_PER_KEY + laneOfKey, eights - 1u);
                eight += keyElement(tile, min(key, tile.lastKey)) / 8u;
                LOAD8_AS(KEYS_ARE_HALF, arguments.keys, 1u, eight, keyLow[i], keyHigh[i])
                LOAD8_AS(KEYS_ARE_HALF, arguments.values, 2u, eight, valueLow[i], valueHigh[i])
            }
            float scores[SCORES];
            [[unroll]] for (uint d = 0; d < DEPTH; d++) {
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) scores[r * DEPTH + d] = 0.0;
                [[unroll]] for (uint s = 0; s < SPANS; s++) {
                    vec4 a = firstFour(KEYS_ARE_HALF, keyLow[d * SPANS + s]);
                    vec4 b = lastFour(KEYS_ARE_HALF, keyLow[d * SPANS + s], keyHigh[d * SPANS + s]);
                    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                        uint i = (r * SPANS + s) * 2u;
                        [[unroll]] for (uint k = 0; k < 4; k++) scores[r * DEPTH + d] = fma(queries[i][k], a[k], scores[r * DEPTH + d]);
                        [[unroll]] for (uint k = 0; k < 4; k++) scores[r * DEPTH + d] = fma(queries[i + 1u][k], b[k], scores[r * DEPTH + d]);
                    }
                }
            }
            FOR_EACH_DISTANCE(distance, 1u, LANES_PER_KEY) {
                uint other = lane ^ distance;
                if (distance < SCORES) {
                    bool isUpper = (laneOfKey & distance) != 0u;
                    uint half_ = SCORES / 2u / distance;
                    [[unroll]] for (uint i = 0; i < half_; i++) {
                        float given = isUpper ? scores[i] : scores[i + half_];
                        float kept = isUpper ? scores[i + half_] : scores[i];
                        scores[i] = kept + subgroupShuffle(given, other);
                    }
                } else {
                    scores[0] += subgroupShuffle(scores[0], other);
                }
            }
            bool isLarger = false;
            float decays[OWN_ROWS];
            [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
                float maximum = largest[r];
                [[unroll]] for (uint d = 0; d < ROW_SCORES; d++) {
                    int key = streamStart + base + (ownDepth + int(d)) * int(STREAMS);
                    float score = capped(scores[r * ROW_SCORES + d]);
                    if (HAS_BIAS) score += biasAt(biases[r], min(key, tile.lastKey));
                    bool seen = isVisible(tile, positions[r], key) && !(score < LOWEST);
                    scores[r * ROW_SCORES + d] = seen ? score : -1.0 / 0.0;
                    maximum = max(maximum, seen ? score : LOWEST);
                }
                // The lanes with scores of the row.
                FOR_EACH_DISTANCE(distance, TILE_ROWS, SCORE_LANES) maximum = max(maximum, subgroupShuffle(maximum, lane ^ distance));
                isLarger = isLarger || maximum > largest[r];
                decays[r] = exp2(largest[r] - maximum);
                largest[r] = maximum;
                [[unroll]] for (uint d = 0; d < ROW_SCORES; d++) {
                    uint i = r * ROW_SCORES + d;
                    float weight = scores[i] < LOWEST ? 0.0 : exp2(scores[i] - maximum);
                    weights[i] = fma(weights[i], decays[r], weight);
                    scores[i] = weight;
                }
            }
            // What was staged in the last step has been read.
            exchange();
            if (isFirst) {
                [[unroll]] for (uint i = 0; i < OWN_SCORES; i++) stagedWeights[stage * SCORE_FOURS + (ownScore + i) / 4u][(ownScore + i) % 4u] = scores[i];
                [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) stagedDecays[stage * TILE_ROWS + ownRow + r] = decays[r];
            }
            exchange();
            if (subgroupAny(isLarger)) {
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                    float decay = stagedDecays[stage * TILE_ROWS + r];
                    [[unroll]] for (uint i = 0; i < SPANS * 2u; i++) sums[r * SPANS * 2u + i] *= decay;
                }
            }
            [[unroll]] for (uint d = 0; d < DEPTH; d++) {
                [[unroll]] for (uint s = 0; s < SPANS; s++) {
                    vec4 a = firstFour(KEYS_ARE_HALF, valueLow[d * SPANS + s]);
                    vec4 b = lastFour(KEYS_ARE_HALF, valueLow[d * SPANS + s], valueHigh[d * SPANS + s]);
                    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                        float weight = stagedWeights[stage * SCORE_FOURS + (r * DEPTH + d) / 4u][(r * DEPTH + d) % 4u];
                        uint i = (r * SPANS + s) * 2u;
                        sums[i] = fma(vec4(weight), a, sums[i]);
                        sums[i + 1u] = fma(vec4(weight), b, sums[i + 1u]);
                    }
                }
            }
        }

        // The streams of a subgroup.
        exchange();
        float rowWeights[OWN_ROWS];
        [[unroll]] for (uint r = 0; r < OWN_ROWS; r++) {
            float maximum = largest[r];
            FOR_EACH_DISTANCE(distance, LANES_PER_KEY, LANES) maximum = max(maximum, subgroupShuffle(maximum, lane ^ distance));
            float decay = exp2(largest[r] - maximum);
            if (isFirst) stagedDecays[stage * TILE_ROWS + ownRow + r] = decay;
            largest[r] = maximum;
            // Neighbouring keys first, in a lane or over lanes: how many rows a tile has does not change the order.
            [[unroll]] for (uint i = 0; i < 2u; i++) {
                [[unroll]] for (uint d = 0; d + (1u << i) < ROW_SCORES; d += 2u << i) weights[r * ROW_SCORES + d] += weights[r * ROW_SCORES + d + (1u << i)];
            }
            precise float weight = weights[r * ROW_SCORES] * decay;
            [[unroll]] for (uint i = 6u; i > 0u; i--) {
                uint distance = 1u << (i - 1u);
                if (distance >= TILE_ROWS && distance < SCORE_LANES) weight += subgroupShuffle(weight, lane ^ distance);
            }
            FOR_EACH_DISTANCE(distance, LANES_PER_KEY, LANES) weight += subgroupShuffle(weight, lane ^ distance);
            rowWeights[r] = weight;
        }
        exchange();
        [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            float decay = stagedDecays[stage * TILE_ROWS + r];
            [[unroll]] for (uint i = 0; i < SPANS * 2u; i++) {
                precise vec4 sum = sums[r * SPANS * 2u + i] * decay;
                FOR_EACH_DISTANCE(distance, LANES_PER_KEY, LANES) sum += subgroupShuffle(sum, lane ^ distance);
                sums[r * SPANS * 2u + i] = sum;
            }
        }
        // The subgroups, a row at a time.
        uint self = gl_SubgroupID * LANES + lane;
        [[dont_unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
            int row = tile.start + int(r);
            if (row >= tile.end) break;
            uint place = gl_SubgroupID * SHARED_ROW;
            barrier();
            [[unroll]] for (uint own = 0; own < OWN_ROWS; own++) {
                if (ownRow + own == r) {
                    folded[place] = largest[own];
                    folded[place + 1u] = rowWeights[own];
                }
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
                factors[g] = exp2(folded[g * SHARED_ROW] - maximum);
                weight = fma(folded[g * SHARED_ROW + 1u], factors[g], weight);
            }
            float wholeFactor;
            float partFactor;
            if (IS_INVARIANT && arguments.splits == 1u) {
                uint before = (stretchNumber % 2u * TILE_ROWS + r) * 2u;
                float whole = stretchNumber == 0u ? LOWEST : joinedHeads[before];
                joinedFactors(whole, maximum, maximum, wholeFactor, partFactor);
                weight = joined(stretchNumber == 0u ? 0.0 : joinedHeads[before + 1u], wholeFactor, weight, partFactor);
                if (self == 0u) {
                    uint after = ((stretchNumber + 1u) % 2u * TILE_ROWS + r) * 2u;
                    joinedHeads[after] = maximum;
                    joinedHeads[after + 1u] = weight;
                }
            }
            uint head = headIndex(tile, row);
            [[dont_unroll]] for (uint channel = self; channel < arguments.channels; channel += SUBGROUPS * LANES) {
                float sum = 0.0;
                [[unroll]] for (uint g = 0; g < SUBGROUPS; g++) sum = fma(folded[g * SHARED_ROW + 2u + channel], factors[g], sum);
                if (arguments.splits == 1u) {
                    if (IS_INVARIANT) {
                        uint own = r * SHARED_CHANNELS + channel;
                        sum = joined(stretchNumber == 0u ? 0.0 : joinedSums[own], wholeFactor, sum, partFactor);
                        joinedSums[own] = sum;
                        if (stretchEnd < tile.keyEnd) continue;
                    }
                    STORE(arguments.result, 7u, head * arguments.channels + channel, weight == 0.0 ? 0.0 : sum / weight)
                } else {
                    arguments.result[AT(7u, partialStart(tile, head) + PARTIAL_HEAD + channel, 4u)].value = sum;
                }
            }
            if (arguments.splits > 1u && self < PARTIAL_HEAD) {
                arguments.result[AT(7u, partialStart(tile, head) + self, 4u)].value = self == 0u ? maximum : weight;
            }
        }
        stretchStart += int(STRETCH);
        stretchNumber++;
    } while (IS_INVARIANT && stretchStart < tile.keyEnd);
}
