// Products of a few rows of x with some outputs of a weight, which are bound by the bytes of the weights: LANES lanes share the channels of
// TILE_OUTPUTS outputs, each weight decoded once for all rows of x.
//
// Neighbouring lanes load neighbouring vectors, so that a load of a subgroup is whole stretches of memory. What a lane needs next is on its
// way while it multiplies what it has: of a quantised weight half of each of UNROLL chunks that follow each other (2 or 4; rows are a
// multiple of as many), so that a lane's integers and scales are loads of 8 and 16 bytes; of a plain one UNROLL pieces of 8.
//
// With the same UNROLL and lanes a row's sums do not depend on how many rows a tile has: the same lanes add the same products in the same order,
// by fma, of which no compiler can make anything else.
//
// A kernel has `arguments` with x (argument 0, at a multiple of 16 bytes), rows and channels, includes this file after them, and calls
// sumFewRows with all lanes.
#pragma once
#include "common/weightPieces.glsl"

layout(constant_id = 4) const uint TILE_ROWS = 1;
layout(constant_id = 5) const uint TILE_OUTPUTS = 2;
layout(constant_id = 6) const uint UNROLL = 4;
// A power of two; 0 for the whole subgroup.
layout(constant_id = 7) const uint LANES = 0;
// Whether rows of a quantised weight are whole groups (of q6_K eight), so that all rows have a lane's vectors in the same places.
layout(constant_id = 8) const bool IN_GROUPS = false;

const uint TILE = TILE_ROWS * TILE_OUTPUTS;

// The lanes that share a tile, the tile's number among those of all groups, and which of its lanes this is.
uint tileLanes() { return LANES == 0u ? gl_SubgroupSize : LANES; }
uint fewRowsTile(uint group) {
    return (group * gl_NumSubgroups + gl_SubgroupID) * (gl_SubgroupSize / tileLanes()) + gl_SubgroupInvocationID / tileLanes();
}
uint tileLane() { return gl_SubgroupInvocationID % tileLanes(); }

#ifndef ROUNDED
// Where the rows of x begin, in vectors of 16 bytes.
uint xStarts[TILE_ROWS];
#endif

const uint X_VECTOR = ACTIVATIONS_ARE_HALF ? 8u : 4u;

// That of a row, those beyond the last being the last.
uint xStart(uint row) { return min(row, arguments.rows - 1u) * (arguments.channels / X_VECTOR); }

// Four of them from channel `channel + step` on of the row that begins at `start`, `step` a constant multiple of four.
vec4 xFour(uint start, uint channel, uint step_) {
    if (ACTIVATIONS_ARE_HALF) {
        uvec4 eight = WEIGHT_AT(WeightFours, arguments.x, 0u, start + channel / 8u, step_ / 8u, 16u);
        return (step_ & 4u) == 0u ? firstFour(true, eight) : lastFour(true, eight, eight);
    }
    return uintBitsToFloat(WEIGHT_AT(WeightFours, arguments.x, 0u, start + channel / 4u, step_ / 4u, 16u));
}

#ifdef WEIGHT_IS_PLAIN

// Adds what this lane has of the products with outputs `firstOutput` and so on of `count`.
void addProducts(WeightBlocks weight, uint slot, uint count, uint firstOutput, inout float sums[TILE]) {
    uint pieces = arguments.channels / PIECE;
    for (uint first = tileLane(); first < pieces; first += tileLanes() * UNROLL) {
        uint words[UNROLL][TILE_OUTPUTS][PIECE_WORDS];
        [[unroll]] for (uint u = 0; u < UNROLL; u++) {
            // Beyond the end, the last again, which goes into no sum.
            uint channel = min(first + u * tileLanes(), pieces - 1u) * PIECE;
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                FETCH_PIECE(words[u][o], weight, slot, min(firstOutput + o, count - 1u) * arguments.channels + channel)
            }
        }
        [[unroll]] for (uint u = 0; u < UNROLL; u++) {
            uint piece = first + u * tileLanes();
            if (piece >= pieces) break;
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                vec4 x[PIECE / 4u];
                [[unroll]] for (uint i = 0; i < PIECE / 4u; i++) x[i] = xFour(xStarts[r], piece * PIECE, 4u * i);
                [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                    float part = 0.0;
                    [[unroll]] for (uint i = 0; i < PIECE / 4u; i++) {
                        vec4 w = pieceIntegers(words[u][o], i);
                        [[unroll]] for (uint k = 0; k < 4; k++) part = fma(x[i][k], w[k], part);
                    }
                    sums[r * TILE_OUTPUTS + o] += part;
                }
            }
        }
    }
}

#else

// The words that a lane holds of an output, room for four chunks: integers, further bits, scales.
#ifdef WEIGHT_IS_BYTES
const uint HIGH_WORD = 16;
#else
const uint HIGH_WORD = 8;
#endif
const uint SCALE_WORD = HIGH_WORD + 2u * uint(WEIGHT_HIGH_BITS);
#if defined(WEIGHT_HAS_BLOCK_SCALE) || defined(WEIGHT_HAS_MINIMUM)
const uint LANE_WORDS = SCALE_WORD + 4u;
#else
const uint LANE_WORDS = SCALE_WORD + 2u;
#endif

// `count` words, 1, 2 or 4, from word `word + step` on, a multiple of as many.
#define FETCH_WORDS(words, first, count, weight, slot, word, step) \
    if ((count) == 4u) { \
        uvec4 four_ = WEIGHT_AT(WeightFours, weight, slot, (word) / 4u, (step) / 4u, 16u); \
        [[unroll]] for (uint j_ = 0; j_ < 4; j_++) words[(first) + j_] = four_[j_]; \
    } else if ((count) == 2u) { \
        uvec2 two_ = WEIGHT_AT(WeightTwos, weight, slot, (word) / 2u, (step) / 2u, 8u); \
        words[first] = two_.x; \
        words[(first) + 1u] = two_.y; \
    } else { \
        words[first] = WEIGHT_AT(WeightWords, weight, slot, word, step, 4u); \
    }

// Half `half_` of UNROLL chunks from `chunk` on, counted from unit `start` of the weight.
void fetchLane(WeightBlocks weight, uint slot, uint start, uint chunk, uint half_, out uint words[LANE_WORDS]) {
    uint unit = start + integerUnit(chunk, half_);
    [[unroll]] for (uint i = 0; i < HIGH_WORD * UNROLL / 16u; i++) {
        FETCH_WORDS(words, 4u * i, 4u, weight, slot, 4u * unit, 16u * i)
    }
    uint group = start + groupUnit(chunk);
#if WEIGHT_HIGH_BITS == 1
    FETCH_WORDS(
        words, HIGH_WORD, UNROLL / 2u, weight, slot, 4u * group + 2u * groupLane(chunk, half_) + (UNROLL == 4u ? 0u : chunk / 2u & 1u),
        4u * HIGH_UNIT)
#elif WEIGHT_HIGH_BITS == 2
    FETCH_WORDS(
        words, HIGH_WORD, UNROLL, weight, slot, 4u * (group + groupLane(chunk, half_)) + (UNROLL == 4u ? 0u : chunk & 2u), 4u * HIGH_UNIT)
#endif
#if defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    FETCH_WORDS(words, SCALE_WORD, 4u, weight, slot, 4u * group, 4u * SCALE_UNIT)
#elif defined(WEIGHT_q6_K)
    FETCH_WORDS(words, SCALE_WORD, 2u, weight, slot, 4u * group + (chunk & 4u) / 2u, 4u * SCALE_UNIT)
    FETCH_WORDS(words, SCALE_WORD + 2u, 2u, weight, slot, 4u * start + blockScaleShort(chunk) / 4u * 2u, 0u)
#elif defined(WEIGHT_HAS_MINIMUM)
    FETCH_WORDS(words, SCALE_WORD, UNROLL, weight, slot, 4u * group + (chunk & (UNROLL == 4u ? 4u : 6u)), 4u * SCALE_UNIT)
#else
    FETCH_WORDS(words, SCALE_WORD, UNROLL / 2u, weight, slot, 4u * group + (chunk & (UNROLL == 4u ? 4u : 6u)) / 2u, 4u * SCALE_UNIT)
#endif
}

// The scales of a lane's chunks, up to four, and what multiplies all of them: pairs of scale and minimum, the minimum 0 where there is none.
struct LaneScales {
    vec2 all;
    vec2 each[4];
};

LaneScales laneScales(uint words[LANE_WORDS], uint chunk, uint half_) {
    LaneScales scales;
    scales.all = vec2(1.0, 0.0);
#if defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    scales.all = unpackHalf2x16(words[SCALE_WORD]) * vec2(1.0, -1.0);
    uvec2 bytes = fourScales(words[SCALE_WORD + 1u], words[SCALE_WORD + 2u], words[SCALE_WORD + 3u], (chunk & 4u) != 0u);
    if (UNROLL != 4u) bytes >>= 8u * (chunk & 2u);
    [[unroll]] for (uint s = 0; s < UNROLL; s++) scales.each[s] = vec2((bytes >> (8u * s)) & 255u);
#elif defined(WEIGHT_q6_K)
    uint two = (chunk & 16u) == 0u ? words[SCALE_WORD + 2u] : words[SCALE_WORD + 3u];
    scales.all = vec2(halfBits((chunk & 8u) == 0u ? two : two >> 16), 0.0);
    int bytes = int(half_ == 0u ? words[SCALE_WORD] : words[SCALE_WORD + 1u]);
    if (UNROLL != 4u) bytes >>= 8u * (chunk & 2u);
    [[unroll]] for (uint s = 0; s < UNROLL; s++) scales.each[s] = vec2(float(bitfieldExtract(bytes, int(8u * s), 8)), 0.0);
#elif defined(WEIGHT_HAS_MINIMUM)
    [[unroll]] for (uint s = 0; s < UNROLL; s++) scales.each[s] = unpackHalf2x16(words[SCALE_WORD + s]);
#else
    [[unroll]] for (uint s = 0; s < UNROLL; s += 2u) {
        vec2 two = unpackHalf2x16(words[SCALE_WORD + s / 2u]);
        scales.each[s] = vec2(two.x, 0.0);
        scales.each[s + 1u] = vec2(two.y, 0.0);
    }
#endif
    return scales;
}

// Integers 4·i ..< 4·i + 4 of chunk s of a lane, as fourIntegers has them.
uint laneIntegers(uint words[LANE_WORDS], uint s, uint i) {
#ifdef WEIGHT_IS_BYTES
    return words[4u * s + i];
#elif WEIGHT_HIGH_BITS == 1
    return fourIntegers(words[2u * s + i / 2u], words[HIGH_WORD + s / 2u] >> (4u * (s & 1u)), i);
#elif WEIGHT_HIGH_BITS == 2
    return fourIntegers(words[2u * s + i / 2u], words[HIGH_WORD + s], i);
#else
    return fourIntegers(words[2u * s + i / 2u], 0u, i);
#endif
}

// Where an output begins: its unit, which unchecked builds keep as an address, and its chunk, counted from there.
struct OutputStart {
    WeightBlocks weight;
    uint unit;
    uint chunk;
};

OutputStart outputStart(WeightBlocks weight, uint chunk) {
    uint unit = groupUnit(chunk);
    if (!IN_GROUPS) return OutputStart(weight, 0u, chunk);
#ifdef CHECKED
    return OutputStart(weight, unit, 0u);
#else
    return OutputStart(weight + unit, 0u, 0u);
#endif
}

// Halves of UNROLL chunks of a row.
uint lanePieces() { return arguments.channels / 32u * 2u / UNROLL; }

// One of them of each output; after the last, the last again, which goes into no sum.
void fetchPiece(OutputStart starts[TILE_OUTPUTS], uint slot, uint piece, out uint words[TILE_OUTPUTS][LANE_WORDS]) {
    uint held = min(piece, lanePieces() - 1u);
    [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
        fetchLane(starts[o].weight, slot, starts[o].unit, starts[o].chunk + held / 2u * UNROLL, held & 1u, words[o]);
    }
}

// The outputs of a tile, beyond the last the last again, and a lane's first piece of them.
void openOutputs(
    WeightBlocks weight, uint slot, uint count, uint firstOutput, out OutputStart starts[TILE_OUTPUTS],
    out uint next[TILE_OUTPUTS][LANE_WORDS]) {
    [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
        starts[o] = outputStart(weight, min(firstOutput + o, count - 1u) * (arguments.channels / 32u));
    }
    fetchPiece(starts, slot, tileLane(), next);
}

// What is at hand for a piece, of which the next one is fetched; sums of its products begin with zero.
void takePiece(
    OutputStart starts[TILE_OUTPUTS], uint slot, uint piece, inout uint next[TILE_OUTPUTS][LANE_WORDS],
    out uint words[TILE_OUTPUTS][LANE_WORDS], out LaneScales scales[TILE_OUTPUTS], out vec2 parts[TILE]) {
    [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
        [[unroll]] for (uint i = 0; i < LANE_WORDS; i++) words[o][i] = next[o][i];
    }
    fetchPiece(starts, slot, piece + tileLanes(), next);
    [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
        scales[o] = laneScales(words[o], starts[o].chunk + piece / 2u * UNROLL, piece & 1u);
    }
    [[unroll]] for (uint i = 0; i < TILE; i++) parts[i] = vec2(0.0);
}

// Adds sums of products with scales and with minima, before what multiplies all of a block.
void addParts(vec2 parts[TILE], LaneScales scales[TILE_OUTPUTS], inout float sums[TILE]) {
    [[unroll]] for (uint i = 0; i < TILE; i++) {
#ifdef WEIGHT_HAS_BLOCK_SCALE
        sums[i] = fma(scales[i % TILE_OUTPUTS].all.x, parts[i].x, sums[i]);
#ifdef WEIGHT_HAS_MINIMUM
        sums[i] = fma(scales[i % TILE_OUTPUTS].all.y, parts[i].y, sums[i]);
#endif
#elif defined(WEIGHT_HAS_MINIMUM)
        sums[i] += parts[i].x + parts[i].y;
#else
        sums[i] += parts[i].x;
#endif
    }
}

#ifdef ROUNDED
#include "linear/rounded.glsl"
#else

#if !defined(WEIGHT_IS_BYTES) && WEIGHT_HIGH_BITS == 0
#define WEIGHT_CAN_SPLICE 1
// Whether integers become floats as the last bits of 2²³ and not by a conversion, which NVIDIA's devices make at an eighth of the rate of other
// arithmetic (16 a clock of a processor): less than the weights of 4 bits that an A100 reads.
layout(constant_id = 9) const bool SPLICES = false;

// 2²³, and −2²³·2⁻ᵖ − WEIGHT_BIAS for integers whose lowest bit is bit p, 0, 4, 8, 12 or 16. The host knows them, and compilers must not: as
// constants they are loaded anew for each use.
uint spliceBits;
float spliceOffsets[5];

void prepareSplices() {
    uint zero = arguments.rows >> 31;
    spliceBits = 0x4B000000u + zero;
    [[unroll]] for (uint p = 0; p < 5u; p++) {
        spliceOffsets[p] = float(zero) - (uintBitsToFloat((150u - 4u * p) << 23) + float(WEIGHT_BIAS));
    }
}

// The integer at bit 4·p of a word, WEIGHT_BIAS taken: exact, as the sum of 2²³ and 16ᵖ times the integer is, and what it is multiplied by.
float spliced(uint word, uint p) {
    float sum = uintBitsToFloat((word & (15u << (4u * p))) | spliceBits);
    return p == 0u ? sum + spliceOffsets[0] : fma(sum, uintBitsToFloat((127u - 4u * p) << 23), spliceOffsets[p]);
}
#endif

// They as floats, WEIGHT_BIAS too large unless they are spliced.
vec4 laneFour(uint words[LANE_WORDS], uint s, uint i) {
#ifdef WEIGHT_CAN_SPLICE
    if (SPLICES) {
        uint word = words[2u * s + i / 2u];
        // The upper integers begin at bits that a mantissa lacks.
        uint upper = word >> 20;
        return (i & 1u) == 0u ? vec4(spliced(word, 0u), spliced(word, 4u), spliced(word, 2u), spliced(upper, 1u))
                              : vec4(spliced(word, 1u), spliced(upper, 0u), spliced(word, 3u), spliced(upper, 2u));
    }
#endif
    return fourFloats(laneIntegers(words, s, i));
}

#ifdef WEIGHT_CAN_SPLICE
const bool IS_BIASED = !SPLICES;
#else
const bool IS_BIASED = true;
#endif

void addProducts(WeightBlocks weight, uint slot, uint count, uint firstOutput, inout float sums[TILE]) {
#ifdef WEIGHT_CAN_SPLICE
    if (SPLICES) prepareSplices();
#endif
    uint pieces = lanePieces();
    OutputStart starts[TILE_OUTPUTS];
    uint next[TILE_OUTPUTS][LANE_WORDS];
    uint piece = tileLane();
    openOutputs(weight, slot, count, firstOutput, starts, next);
    [[dont_unroll]] for (; piece < pieces; piece += tileLanes()) {
        uint words[TILE_OUTPUTS][LANE_WORDS];
        LaneScales scales[TILE_OUTPUTS];
        vec2 parts[TILE];
        takePiece(starts, slot, piece, next, words, scales, parts);
        uint channel = piece / 2u * UNROLL * 32u + (piece & 1u) * 16u;
        [[unroll]] for (uint s = 0; s < UNROLL; s++) {
            vec4 w[TILE_OUTPUTS][4];
            [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                [[unroll]] for (uint i = 0; i < 4; i++) w[o][i] = laneFour(words[o], s, i);
            }
            [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                vec4 x[4];
                [[unroll]] for (uint i = 0; i < 4; i++) x[i] = xFour(xStarts[r], channel, 32u * s + 4u * i);
#if WEIGHT_BIAS != 0 || defined(WEIGHT_HAS_MINIMUM)
                // What is the same in all weights meets the sum of x and costs no operation a weight.
                vec4 fours = (x[0] + x[1]) + (x[2] + x[3]);
                float xSum = (fours.x + fours.y) + (fours.z + fours.w);
#endif
                [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
#if WEIGHT_BIAS != 0
                    float part = IS_BIASED ? -float(WEIGHT_BIAS) * xSum : 0.0;
#else
                    float part = 0.0;
#endif
                    [[unroll]] for (uint i = 0; i < 4; i++) {
                        [[unroll]] for (uint k = 0; k < 4; k++) part = fma(x[i][k], w[o][i][k], part);
                    }
                    uint at = r * TILE_OUTPUTS + o;
                    parts[at].x = fma(scales[o].each[s].x, part, parts[at].x);
#ifdef WEIGHT_HAS_MINIMUM
                    parts[at].y = fma(scales[o].each[s].y, xSum, parts[at].y);
#endif
                }
            }
        }
        addParts(parts, scales, sums);
    }
}

#endif

#endif

// The sums of rows firstRow ..< firstRow + TILE_ROWS with outputs firstOutput ..< firstOutput + TILE_OUTPUTS of `count`, row by row, in all
// lanes of the tile. Rows and outputs beyond the last are the last again.
void sumFewRows(WeightBlocks weight, uint slot, uint count, uint firstRow, uint firstOutput, out float sums[TILE]) {
#ifdef ROUNDED
    roundedRow = firstRow;
#else
    [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) xStarts[r] = xStart(firstRow + r);
#endif
    [[unroll]] for (uint i = 0; i < TILE; i++) sums[i] = 0.0;
    addProducts(weight, slot, count, firstOutput, sums);
    [[unroll]] for (uint i = 0; i < TILE; i++) {
        if (LANES == 0u) {
            sums[i] = subgroupAdd(sums[i]);
        } else {
            [[unroll]] for (uint distance = LANES / 2u; distance > 0u; distance /= 2u) sums[i] += subgroupShuffleXor(sums[i], distance);
        }
    }
}
