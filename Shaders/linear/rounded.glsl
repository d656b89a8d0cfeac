// The product of quantised weights with activations rounded to integers, for sumFewRows of linear/fewRows.glsl: dot products of four bytes.
//
// 32 channels of x share a scale d and become integers q of at most 127·256 in magnitude, as RoundedActivations of the host has it:
// d = max|x| / 32512, q = x · (32512 / max|x|), to the nearest, ties to even, each a quotient or product of f32. q is 256·high + low, two bytes
// with signs that meet the bytes of the weights one after the other. Sums over 16 channels are exact; they are scaled, and added, as f32.
//
// All invocations of a work-group round the rows of its tiles together, SECTION channels at a time, in shared memory.
#pragma once

// Channels, a multiple of 32·UNROLL.
layout(constant_id = 9) const uint SECTION = 512;

const uint SECTION_HALVES = SECTION / 16u;
// What lanes hold of the weights at a time: halves of UNROLL chunks.
const uint SECTION_PIECES = SECTION_HALVES / UNROLL;

// Of each row, of chunk s of a piece: the two bytes of 16 integers, a uvec4 each, bytes of a word in the order of fourIntegers. Neighbouring
// lanes have neighbouring pieces, which lie side by side.
shared uvec4 xHighs[TILE_ROWS * UNROLL * SECTION_PIECES];
shared uvec4 xLows[TILE_ROWS * UNROLL * SECTION_PIECES];
// Of each row and piece, by s: d, and what meets the biases or the minima of weights, −WEIGHT_BIAS·Σq − NEAR_ZERO or d·Σq of the 16.
shared vec4 xScales[TILE_ROWS * SECTION_PIECES];
#if WEIGHT_BIAS != 0 || defined(WEIGHT_HAS_MINIMUM)
#define WEIGHT_MEETS_SUMS 1
shared vec4 xSums[TILE_ROWS * SECTION_PIECES];
#endif

// Among floats near it integers of up to 2²² in magnitude are the last bits: a number that is added to it is rounded, and sums of integers that
// begin with its bits become floats by its subtraction.
const float NEAR_ZERO = 12582912.0;
const uint NEAR_ZERO_BITS = 0x4B400000u;

// The first row of the tile.
uint roundedRow;
// Whether there is a section in shared memory.
bool isRounded = false;

// OpSDot of SPIR-V 1.6; format 0 has four bytes in a word.
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018], id = 4450)
int packedDot(uint a, uint b, spirv_literal int format);

// With what it is added to.
int byteProducts(uint a, uint b, int sum) { return packedDot(a, b, 0) + sum; }

// A float between 2^(exponent − 127) and twice that from its first 24 bits.
float assembled(uint bits, uint exponent) { return uintBitsToFloat((exponent << 23) + (bits - 0x800000u)); }

// The nearest float to m / 32512, and that to 32512 / m, for a normal m: quotients of integers of 24 bits by 127 and the other way round, in
// which no device's division has a part. Ties there are none, since 127 is odd and less than 2²³.
void roundingScales(float m, out float scale, out float inverse) {
    uint exponent = floatBitsToUint(m) >> 23;
    uint bits = floatBitsToUint(m) & 0x7FFFFFu | 0x800000u;
    const uint EDGE = 127u << 17;
    uint shift = bits < EDGE ? 7u : 6u;
    scale = assembled(((bits << shift) + 63u) / 127u, exponent - 8u - shift);

    // 2^shift·127 / bits has 24 bits.
    shift = bits > EDGE ? 41u : 40u;
    float divisor = float(bits);
    uint quotient = uint((bits > EDGE ? 279275953455104.0 : 139637976727552.0) / divisor);
    // The quotient is a few units off at most; of what is left the lowest 32 bits are all, and those of 2^shift·127 are zeros.
    int rest = -int(quotient * bits);
    int correction = int(floor(float(rest) / divisor + 0.5));
    rest -= correction * int(bits);
    correction += 2 * rest > int(bits) ? 1 : 2 * rest < -int(bits) ? -1 : 0;
    inverse = assembled(quotient + uint(correction), 308u - exponent - shift);
}

// What is added to x in units of d: the last bits of what that is are q + 128, whose second byte is `high` and whose first `low` + 128.
const float ROUNDER = NEAR_ZERO + 128.0;
const uint ROUNDER_BITS = NEAR_ZERO_BITS + 128u;
// A bit that is set in NaN and infinity, and in no number near ROUNDER.
const uint SPECIAL = 0x20000000u;

// Rounds half chunk `half_` of the section, whose neighbour, the other half, is the neighbouring lane's.
void roundHalf(uint row, uint half_, uint channel) {
    uint start = xStart(roundedRow + row);
    vec4 x[4];
    [[unroll]] for (uint i = 0; i < 4; i++) x[i] = xFour(start, channel, 4u * i);
    vec4 larger = max(max(abs(x[0]), abs(x[1])), max(abs(x[2]), abs(x[3])));
    float largest = max(max(larger.x, larger.y), max(larger.z, larger.w));
    largest = max(largest, subgroupShuffleXor(largest, 1u));
    float scale = 0.0;
    float inverse = 0.0;
    // Where all are below 2⁻¹⁰⁰ they count as zeros.
    if (largest >= 7.888609052210118e-31) roundingScales(largest, scale, inverse);

    uint piece = half_ / (2u * UNROLL) * 2u + (half_ & 1u);
    uint s = half_ / 2u % UNROLL;
    uvec4 highs, lows;
    uvec4 total = uvec4(0u);
    uvec4 any_ = uvec4(0u);
    [[unroll]] for (uint i = 0; i < 4; i++) {
        // Two roundings, as two operations.
        precise vec4 scaled = x[i] * inverse;
        precise vec4 rounded = scaled + ROUNDER;
        uvec4 bits = floatBitsToUint(rounded);
        total += bits;
        any_ |= bits;
        uint first = (bits.x & 0xFFFFu) | (bits.y << 16);
        uint second = (bits.z & 0xFFFFu) | (bits.w << 16);
        highs[i] = ((first >> 8) & 0x00FF00FFu) | (second & 0xFF00FF00u);
        lows[i] = ((first & 0x00FF00FFu) | ((second << 8) & 0xFF00FF00u)) ^ 0x80808080u;
    }
    float sum = float(int((total.x + total.y) + (total.z + total.w) - 16u * ROUNDER_BITS));
    // What comes of infinity, the largest, or of NaN is NaN.
    any_.xy |= any_.zw;
    if (floatBitsToUint(largest) >= 0x7F800000u || ((any_.x | any_.y) & SPECIAL) != 0u) scale = uintBitsToFloat(0x7FC00000u);
    uint place = (row * UNROLL + s) * SECTION_PIECES + piece;
    xHighs[place] = highs;
    xLows[place] = lows;
    xScales[row * SECTION_PIECES + piece][s] = scale;
#ifdef WEIGHT_HAS_MINIMUM
    xSums[row * SECTION_PIECES + piece][s] = scale * sum;
#elif WEIGHT_BIAS != 0
    // A multiple of eight below 2²⁷: exact.
    xSums[row * SECTION_PIECES + piece][s] = -float(WEIGHT_BIAS) * sum - NEAR_ZERO;
#endif
}

// Rounds the section that begins with a piece, unless it is there: all of a row, for the second of two weights.
void roundSection(uint firstPiece) {
    if (isRounded) {
        if (lanePieces() <= SECTION_PIECES) return;
        barrier();
    }
    isRounded = true;
    uint firstChannel = firstPiece * UNROLL * 16u;
    uint invocation = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
    [[dont_unroll]] for (uint i = invocation; i < TILE_ROWS * SECTION_HALVES; i += gl_WorkGroupSize.x) {
        uint half_ = i % SECTION_HALVES;
        uint channel = firstChannel + half_ * 16u;
        if (channel < arguments.channels) roundHalf(i / SECTION_HALVES, half_, channel);
    }
    barrier();
}

// Adds what this lane has of the products with outputs `firstOutput` and so on of `count`; all of a work-group call it.
void addProducts(WeightBlocks weight, uint slot, uint count, uint firstOutput, inout float sums[TILE]) {
    uint pieces = lanePieces();
    OutputStart starts[TILE_OUTPUTS];
    uint next[TILE_OUTPUTS][LANE_WORDS];
    uint piece = tileLane();
    openOutputs(weight, slot, count, firstOutput, starts, next);
    // NEAR_ZERO, which compilers must know neither as a constant nor as the same in all lanes: either is copied anew for each use.
    int nearZero = int(NEAR_ZERO_BITS + (gl_SubgroupInvocationID >> 16));
    [[dont_unroll]] for (uint first = 0u; first < pieces; first += SECTION_PIECES) {
        roundSection(first);
        uint end = min(first + SECTION_PIECES, pieces);
        [[dont_unroll]] for (; piece < end; piece += tileLanes()) {
            uint words[TILE_OUTPUTS][LANE_WORDS];
            LaneScales scales[TILE_OUTPUTS];
            vec2 parts[TILE];
            takePiece(starts, slot, piece, next, words, scales, parts);
            uint place = piece - first;
            [[unroll]] for (uint s = 0; s < UNROLL; s++) {
                uint w[TILE_OUTPUTS][4];
                [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                    [[unroll]] for (uint i = 0; i < 4; i++) w[o][i] = laneIntegers(words[o], s, i);
                }
                [[unroll]] for (uint r = 0; r < TILE_ROWS; r++) {
                    uvec4 highs = xHighs[(r * UNROLL + s) * SECTION_PIECES + place];
                    uvec4 lows = xLows[(r * UNROLL + s) * SECTION_PIECES + place];
                    float scale = xScales[r * SECTION_PIECES + place][s];
                    float offset = -NEAR_ZERO;
#ifdef WEIGHT_MEETS_SUMS
                    float xSum = xSums[r * SECTION_PIECES + place][s];
#if WEIGHT_BIAS != 0
                    offset = xSum;
#endif
#endif
                    [[unroll]] for (uint o = 0; o < TILE_OUTPUTS; o++) {
                        int high = nearZero;
                        int low = nearZero;
                        [[unroll]] for (uint i = 0; i < 4; i++) {
                            high = byteProducts(w[o][i], highs[i], high);
                            low = byteProducts(w[o][i], lows[i], low);
                        }
                        float dots = fma(256.0, intBitsToFloat(high) - NEAR_ZERO, intBitsToFloat(low) + offset);
                        uint at = r * TILE_OUTPUTS + o;
                        parts[at].x = fma(scales[o].each[s].x, dots * scale, parts[at].x);
#ifdef WEIGHT_HAS_MINIMUM
                        parts[at].y = fma(scales[o].each[s].y, xSum, parts[at].y);
#endif
                    }
                }
            }
            addParts(parts, scales, sums);
        }
    }
}
