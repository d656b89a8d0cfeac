#version 460
// Attention of many queries for graphics processors: a work-group for each tile of 64 query rows, which goes over the keys 64 at a
// time with the online softmax (Milakov & Gimelshein 2018; tiles as in Dao et al. 2022). Bound by arithmetic.
//
// The invocations are 16 rows of 8 columns, or of 16 where they have few registers. An invocation has the scores of 4 rows by 8 keys, or by 4,
// and the sums of 4 rows by 4 channels in 32, or in 64. Queries and keys pass through shared memory 16 channels at a time, values some keys at a time; what comes next is
// on its way to registers while the present part is multiplied. A wide head is in parts: a work-group sums one part of the values, by the
// scores of whole heads. Weights go from the columns that compute them to all by shared memory.
#include "common/arguments.glsl"
#include "common/functions.glsl"
#include "common/registers.glsl"
#include "attention/arguments.glsl"
#include "attention/partials.glsl"

// How often the columns go over a part of a head, 4·COLUMNS channels at a time.
layout(constant_id = 6) const uint SPANS = 4;
// The keys whose values are in shared memory at once: a power of two, at most 512 / (SPANS · COLUMNS).
layout(constant_id = 7) const uint STAGED_VALUES = 16;
// The parts of a head: ⌈channels / (4 · COLUMNS · SPANS)⌉.
layout(constant_id = 8) const uint PARTS = 1;
// 8 or 16 lanes of a subgroup.
layout(constant_id = 9) const uint COLUMNS = 8;

const uint INVOCATIONS = 16 * COLUMNS;
const uint TILE_ROWS = 64;
const uint TILE_KEYS = 64;
const uint STAGED_CHANNELS = 16;
// From one channel, or key, to the next, in fours; the odd four spreads columns over the banks.
const uint STRIDE = TILE_ROWS / 4 + 1;
// 16 channels of queries, then of keys; or 512 fours of values.
shared vec4 stage[2 * STAGED_CHANNELS * STRIDE];
// Four rows of a key in a vector: scores, then weights.
shared vec4 tileWeights[TILE_KEYS * STRIDE];

// The scores of a row that an invocation has, four keys side by side.
const uint OWN_KEYS = TILE_KEYS / COLUMNS;
// The invocations that bring 64 rows of 16 channels, and how often each does.
const uint FETCHES = 256u / INVOCATIONS;

// What is on its way.
vec4 fetched[2u * FETCHES];

uint self;
uint column;
uint rowFour;

// 16 channels of the tile's queries (scaled) and of its keys from `base` on.
void fetchScores(Tile tile, uint queryStarts[FETCHES], int base, uint channel) {
    uint four = channel / 4u + self % 4u;
    // Past the last channels they are read again, against queries of zero.
    bool isInside = four < arguments.channels / 4u;
    four = min(four, arguments.channels / 4u - 1u);
    [[unroll]] for (uint i = 0; i < FETCHES; i++) {
        vec4 query = LOAD4_AS(ACTIVATIONS_ARE_HALF, arguments.queries, 0u, queryStarts[i] + four);
        fetched[i] = isInside ? query * queryScale() : vec4(0.0);
        int key = min(base + int(self / 4u + i * (INVOCATIONS / 4u)), tile.lastKey);
        uint start = keyElement(tile, key) / 4u;
        fetched[FETCHES + i] = LOAD4_AS(KEYS_ARE_HALF, arguments.keys, 1u, start + four);
    }
}

void stageScores() {
    // A float at a time: four channels of a row lie in four places.
    [[unroll]] for (uint i = 0; i < 2u * FETCHES; i++) {
        uint row = self / 4u + i % FETCHES * (INVOCATIONS / 4u);
        uint first = i < FETCHES ? 0u : STAGED_CHANNELS * STRIDE;
        [[unroll]] for (uint j = 0; j < 4; j++) stage[first + (self % 4u * 4u + j) * STRIDE + row / 4u][row % 4u] = fetched[i][j];
    }
}

// The values of the keys from `key` on.
void fetchValues(Tile tile, int key) {
    [[unroll]] for (uint i = 0; i < 2u * FETCHES; i++) {
        uint index = self + i * INVOCATIONS;
        // Beyond the channels, what is read goes into sums that nobody asks for.
        uint four = min(tile.part * SPANS * COLUMNS + index % (SPANS * COLUMNS), arguments.channels / 4u - 1u);
        int row = min(key + int(index / (SPANS * COLUMNS)), tile.lastKey);
        uint start = keyElement(tile, row) / 4u;
        fetched[i] = LOAD4_AS(KEYS_ARE_HALF, arguments.values, 2u, start + four);
    }
}

void stageValues() {
    [[unroll]] for (uint i = 0; i < 2u * FETCHES; i++) {
        uint index = self + i * INVOCATIONS;
        if (index < STAGED_VALUES * SPANS * COLUMNS) stage[index] = fetched[i];
    }
}

vec4 rowMaximum(vec4 x) {
    FOR_EACH_DISTANCE(distance, 1u, COLUMNS) x = max(x, subgroupShuffle(x, gl_SubgroupInvocationID ^ distance));
    return x;
}

vec4 rowSum(vec4 x) {
    FOR_EACH_DISTANCE(distance, 1u, COLUMNS) x += subgroupShuffle(x, gl_SubgroupInvocationID ^ distance);
    return x;
}

void main() {
    Tile tile;
    if (!findTile(int(TILE_ROWS), PARTS, TILE_KEYS, tile)) return;
    // A row's columns are neighbouring lanes of one subgroup.
    self = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
    column = self % COLUMNS;
    rowFour = self / COLUMNS;

    uint queryStarts[FETCHES];
    [[unroll]] for (uint i = 0; i < FETCHES; i++) {
        int row = min(tile.start + int(self / 4u + i * (INVOCATIONS / 4u)), tile.end - 1);
        queryStarts[i] = headIndex(tile, row) * arguments.channels / 4u;
    }
    int positions[4];
    uint biases[4];
    [[unroll]] for (uint r = 0; r < 4; r++) {
        int row = min(tile.start + int(4u * rowFour + r), tile.end - 1);
        positions[r] = positionOf(tile, row);
        biases[r] = HAS_BIAS ? biasStart(tile, row) : 0u;
    }
    vec4 largest = vec4(LOWEST);
    vec4 weights = vec4(0.0);
    vec4 sums[4 * SPANS];
    [[unroll]] for (uint i = 0; i < 4 * SPANS; i++) sums[i] = vec4(0.0);

    if (tile.keyStart < tile.keyEnd) fetchScores(tile, queryStarts, tile.keyStart, 0u);
    [[dont_unroll]] for (int base = tile.keyStart; base < tile.keyEnd; base += int(TILE_KEYS)) {
        // Key 4·COLUMNS·(i / 4) + 4·column + i % 4, four rows side by side.
        vec4 scores[OWN_KEYS];
        [[unroll]] for (uint i = 0; i < OWN_KEYS; i++) scores[i] = vec4(0.0);
        [[dont_unroll]] for (uint channel = 0; channel < arguments.channels; channel += STAGED_CHANNELS) {
            barrier();
            stageScores();
            barrier();
            if (channel + STAGED_CHANNELS < arguments.channels) {
                fetchScores(tile, queryStarts, base, channel + STAGED_CHANNELS);
            } else {
                fetchValues(tile, base);
            }
            uint count = min(STAGED_CHANNELS, arguments.channels - channel);
            [[dont_unroll]] for (uint c = 0; c < count; c++) {
                vec4 query = stage[c * STRIDE + rowFour];
                [[unroll]] for (uint four = 0; four < OWN_KEYS / 4u; four++) {
                    vec4 keys = stage[(STAGED_CHANNELS + c) * STRIDE + four * COLUMNS + column];
                    [[unroll]] for (uint i = 0; i < 4; i++) scores[4u * four + i] += query * keys[i];
                }
            }
        }

        // Through shared memory, so that what is done to a score stands once; nobody else touches these places before the barrier.
        [[unroll]] for (uint i = 0; i < OWN_KEYS; i++) tileWeights[(i * COLUMNS + column) * STRIDE + rowFour] = scores[i];
        vec4 maximum = largest;
        [[dont_unroll]] for (uint i = 0; i < OWN_KEYS; i++) {
            uint place = (i * COLUMNS + column) * STRIDE + rowFour;
            int key = base + int((i / 4u * COLUMNS + column) * 4u + i % 4u);
            vec4 score = tileWeights[place];
            [[unroll]] for (uint r = 0; r < 4; r++) {
                float x = capped(score[r]);
                if (HAS_BIAS) x += biasAt(biases[r], min(key, tile.lastKey));
                // A bias of −∞ hides a key.
                bool seen = isVisible(tile, positions[r], key) && !(x < LOWEST);
                score[r] = seen ? x : -1.0 / 0.0;
                maximum[r] = max(maximum[r], seen ? x : LOWEST);
            }
            tileWeights[place] = score;
        }
        maximum = rowMaximum(maximum);
        vec4 decay = exp2(largest - maximum);
        largest = maximum;
        weights *= decay;
        [[unroll]] for (uint i = 0; i < 4 * SPANS; i++) sums[i] *= decay[i / SPANS];
        [[dont_unroll]] for (uint i = 0; i < OWN_KEYS; i++) {
            uint place = (i * COLUMNS + column) * STRIDE + rowFour;
            vec4 score = tileWeights[place];
            vec4 weight = mix(exp2(score - maximum), vec4(0.0), lessThan(score, vec4(LOWEST)));
            weights += weight;
            tileWeights[place] = weight;
        }

        int end = min(int(TILE_KEYS), tile.keyEnd - base);
        [[dont_unroll]] for (int first = 0; first < end; first += int(STAGED_VALUES)) {
            barrier();
            stageValues();
            barrier();
            if (first + int(STAGED_VALUES) < end) {
                fetchValues(tile, base + first + int(STAGED_VALUES));
            } else if (base + int(TILE_KEYS) < tile.keyEnd) {
                fetchScores(tile, queryStarts, base + int(TILE_KEYS), 0u);
            }
            // Weights past the last key are zero, and so need not be left out.
            [[dont_unroll]] for (uint k = 0; k < STAGED_VALUES; k++) {
                uint key = uint(first) + k;
                uint i = key / (4u * COLUMNS) * 4u + key % 4u;
                vec4 weight = tileWeights[(i * COLUMNS + key / 4u % COLUMNS) * STRIDE + rowFour];
                [[unroll]] for (uint s = 0; s < SPANS; s++) {
                    vec4 value = stage[k * SPANS * COLUMNS + s * COLUMNS + column];
                    [[unroll]] for (uint r = 0; r < 4; r++) sums[r * SPANS + s] += weight[r] * value;
                }
            }
        }
    }

    weights = rowSum(weights);
    [[dont_unroll]] for (uint i = 0; i < 4 * SPANS; i++) {
        int row = tile.start + int(4u * rowFour + i / SPANS);
        uint channel = ((tile.part * SPANS + i % SPANS) * COLUMNS + column) * 4u;
        if (row >= tile.end || channel >= arguments.channels) continue;
        uint head = headIndex(tile, row);
        vec4 sum;
        CHOOSE(sum, sums, 4 * SPANS, i)
        float weight = weights[i / SPANS];
        if (arguments.splits == 1u) {
            vec4 y = weight == 0.0 ? vec4(0.0) : sum / weight;
            STORE4(arguments.result, 7u, (head * arguments.channels + channel) / 4u, y)
        } else {
            uint partial = partialStart(tile, head);
            [[unroll]] for (uint j = 0; j < 4; j++) arguments.result[AT(7u, partial + PARTIAL_HEAD + channel + j, 4u)].value = sum[j];
            if (channel == 0u) {
                arguments.result[AT(7u, partial, 4u)].value = largest[i / SPANS];
                arguments.result[AT(7u, partial + 1u, 4u)].value = weight;
            }
        }
    }
}
