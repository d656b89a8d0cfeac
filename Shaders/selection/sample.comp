#version 460
// One token a row, drawn with the probabilities of those that are kept; a work-group for each row. −1 for a row that is not finite.
//
// What is asked of a row is read from memory, so that a recorded step serves requests that come and go: five numbers (SamplingOptions
// on the host), and the set of the tokens that its sequence has had, a bit for each, which its new token joins.
//
// Weights are integers (SampleWeight on the host), so that their sums are exact in any order, and each operation that makes them is rounded
// on its own: every device draws the same token. Two searches over the digits of the keys, as in topK, find the smallest key that is
// kept; then the invocations, each with a stretch of its own, find in whose stretch the number lies.
#include "common/arguments.glsl"
#include "common/ordering.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats uniforms;
    Floats options;
    Integers sets;
    Integers setOfRow;
    Integers result;
    uint rows;
    uint channels;
    // 0 for no sets.
    uint setCount;
    CHECK_BLOCK
} arguments;

// As many as 256 invocations in subgroups of at least 4, or 64 subgroups of a vector processor.
const uint MOST_SUBGROUPS = 64;
const uint DIGITS = 15;

shared float groupMaxima[MOST_SUBGROUPS];
shared uint groupCounts[DIGITS * MOST_SUBGROUPS];
shared uint64_t groupMasses[DIGITS * MOST_SUBGROUPS];

shared uint chosen;

const uint ROW_OPTIONS = 5;
const uint NOTHING = 0xFFFFFFFFu;
#define NEGATIVE_INFINITY uintBitsToFloat(0xFF800000u)

// Of the row: its first element, where the words of its set begin (NOTHING where it has none), and its options.
uint rowStart;
uint setStart = NOTHING;
float inverseTemperature;
float penalty = 1.0;
float inversePenalty = 1.0;

// A token's logit under the penalty, with one zero for both.
float element(uint token) {
    float x = LOAD(arguments.x, 0u, rowStart + token);
    if (penalty != 1.0) {
        uint word = uint(arguments.sets[AT(3u, setStart + token / 32u, 4u)].value);
        precise float changed = x * (x < 0.0 ? penalty : inversePenalty);
        x = (word >> (token % 32u) & 1u) != 0u ? changed : x;
    }
    return x == 0.0 ? 0.0 : x;
}

// The number of the invocation among those of the work-group, in the order of its subgroups.
uint ownNumber() { return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID; }

void finish(uint row, uint token) {
    if (ownNumber() != 0u) return;
    arguments.result[AT(5u, row, 4u)].value = int(token);
    if (setStart == NOTHING || token == NOTHING) return;
    uint place = setStart + token / 32u;
    arguments.sets[AT(3u, place, 4u)].value = arguments.sets[AT(3u, place, 4u)].value | int(1u << (token % 32u));
}

uint weight(float x, float largest) {
    if (x == largest) return 1u << 30;
    precise float difference = x - largest;
    precise float z = difference * inverseTemperature;
    if (!(z > -22.0)) return 0u;
    precise float scaled = z * 1.44269504;
    precise float n = roundEven(scaled);
    precise float high = n * 0.693359375;
    precise float low = n * 2.12194440e-4;
    precise float rest = z - high;
    precise float r = rest + low;
    const float coefficients[7] = float[7](1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0);
    precise float p = 1.0 / 5040.0;
    [[unroll]] for (uint k = 0; k < 7; k++) {
        precise float product = p * r;
        p = product + coefficients[k];
    }
    precise float result = p * intBitsToFloat((int(n) + 157) << 23);
    return uint(result);
}

// The largest logit and the first token that has it; NOTHING where one is NaN or ∞, or all are −∞.
uint mostLikely(out float largest) {
    float most = NEGATIVE_INFINITY;
    uint first = NOTHING;
    bool isFinite = true;
    for (uint c = ownNumber(); c < arguments.channels; c += gl_WorkGroupSize.x) {
        float x = element(c);
        isFinite = isFinite && !isnan(x) && x != -NEGATIVE_INFINITY;
        bool isMore = x > most;
        most = isMore ? x : most;
        first = isMore ? c : first;
    }
    largest = subgroupMax(most);
    first = subgroupMin(most == largest ? first : NOTHING);
    uint faults = subgroupAdd(isFinite ? 0u : 1u);
    if (subgroupElect()) {
        groupMaxima[gl_SubgroupID] = largest;
        groupCounts[gl_SubgroupID] = first;
        groupCounts[MOST_SUBGROUPS + gl_SubgroupID] = faults;
    }
    barrier();
    first = NOTHING;
    faults = 0u;
    largest = NEGATIVE_INFINITY;
    for (uint i = 0; i < gl_NumSubgroups; i++) {
        float x = groupMaxima[i];
        first = x > largest ? groupCounts[i] : x == largest ? min(first, groupCounts[i]) : first;
        largest = max(largest, x);
        faults += groupCounts[MOST_SUBGROUPS + i];
    }
    return faults == 0u ? first : NOTHING;
}

// Sums of 48 bits over a subgroup, sixteen bits at a time: not every device adds longs there.
uint64_t subgroupMass(uint64_t mass) {
    uint64_t low = uint64_t(subgroupAdd(uint(mass & 0xFFFFul)));
    uint64_t middle = uint64_t(subgroupAdd(uint(mass >> 16 & 0xFFFFul)));
    uint64_t high = uint64_t(subgroupAdd(uint(mass >> 32)));
    return low + (middle << 16) + (high << 32);
}

// ⌊mass · fraction / 2²⁴⌋ without overflow.
uint64_t shareOf(uint64_t mass, uint fraction) {
    return (mass >> 24) * uint64_t(fraction) + ((mass & 0xFFFFFFul) * uint64_t(fraction) >> 24);
}

// Where a search ended: the key, the weight of one token that has it, and what lies above it.
struct Threshold {
    uint key;
    uint weight;
    uint above;
    uint64_t aboveMass;
};

// The largest key such that at or above it lie `wanted` tokens, or a weight of `wantedMass`: four bits at a time from the highest.
Threshold threshold(float largest, bool byMass, uint wanted, uint64_t wantedMass) {
    uint prefix = 0u;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint counts[DIGITS];
        uint64_t masses[DIGITS];
        [[unroll]] for (uint d = 0; d < DIGITS; d++) {
            counts[d] = 0u;
            masses[d] = 0ul;
        }
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            float x = element(c);
            uint digits = orderedKey(x) >> shift;
            uint64_t mass = byMass ? uint64_t(weight(x, largest)) : 0ul;
            [[unroll]] for (uint d = 0; d < DIGITS; d++) {
                bool isAbove = digits >= (prefix << 4) + d + 1u;
                counts[d] += isAbove ? 1u : 0u;
                masses[d] += isAbove ? mass : 0ul;
            }
        }
        barrier();
        [[unroll]] for (uint d = 0; d < DIGITS; d++) {
            uint count = subgroupAdd(counts[d]);
            uint64_t mass = byMass ? subgroupMass(masses[d]) : 0ul;
            if (subgroupElect()) {
                groupCounts[d * MOST_SUBGROUPS + gl_SubgroupID] = count;
                groupMasses[d * MOST_SUBGROUPS + gl_SubgroupID] = mass;
            }
        }
        barrier();
        uint digit = 0u;
        for (uint d = 0; d < DIGITS; d++) {
            uint count = 0u;
            uint64_t mass = 0ul;
            for (uint i = 0; i < gl_NumSubgroups; i++) {
                count += groupCounts[d * MOST_SUBGROUPS + i];
                mass += groupMasses[d * MOST_SUBGROUPS + i];
            }
            digit += (byMass ? mass >= wantedMass : count >= wanted) ? 1u : 0u;
        }
        prefix = (prefix << 4) + digit;
    }
    // One more pass: what lies above the key.
    uint above = 0u;
    uint64_t aboveMass = 0ul;
    for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
        float x = element(c);
        bool isAbove = orderedKey(x) > prefix;
        above += isAbove ? 1u : 0u;
        aboveMass += isAbove ? uint64_t(weight(x, largest)) : 0ul;
    }
    barrier();
    above = subgroupAdd(above);
    aboveMass = subgroupMass(aboveMass);
    if (subgroupElect()) {
        groupCounts[gl_SubgroupID] = above;
        groupMasses[gl_SubgroupID] = aboveMass;
    }
    barrier();
    above = 0u;
    aboveMass = 0ul;
    for (uint i = 0; i < gl_NumSubgroups; i++) {
        above += groupCounts[i];
        aboveMass += groupMasses[i];
    }
    return Threshold(prefix, weight(keyValue(prefix), largest), above, aboveMass);
}

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    rowStart = row * arguments.channels;
    uint options = row * ROW_OPTIONS;
    inverseTemperature = arguments.options[AT(2u, options, 4u)].value;
    float topK = arguments.options[AT(2u, options + 1u, 4u)].value;
    uint selected = topK >= 1.0 && topK < float(arguments.channels) ? uint(topK) : arguments.channels;
    // The share of the weight that is kept, as a multiple of 2⁻²⁴.
    float topP = arguments.options[AT(2u, options + 2u, 4u)].value;
    uint share = topP > 0.0 ? uint(min(topP, 1.0) * 16777216.0) : 0u;
    if (arguments.setCount > 0u) {
        uint set = uint(arguments.setOfRow[AT(4u, row, 4u)].value);
        if (set < arguments.setCount) {
            setStart = set * ((arguments.channels + 31u) / 32u);
            penalty = arguments.options[AT(2u, options + 3u, 4u)].value;
            inversePenalty = arguments.options[AT(2u, options + 4u, 4u)].value;
        }
    }
    float largest;
    uint first_ = mostLikely(largest);
    if (first_ == NOTHING || !(inverseTemperature > 0.0)) {
        barrier();
        finish(row, first_);
        return;
    }

    // The smallest key that is kept, how many tokens that have it are, and the weight of what is kept. Every key is at least 0.
    uint key = 0u;
    uint equals = 0xFFFFFFFFu;
    uint64_t mass = 0ul;
    if (selected < arguments.channels) {
        Threshold last = threshold(largest, false, selected, 0ul);
        key = last.key;
        equals = selected - last.above;
        mass = last.aboveMass + uint64_t(equals) * uint64_t(last.weight);
    } else {
        // Of all tokens: the weight at or above the smallest key.
        uint64_t own = 0ul;
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            own += uint64_t(weight(element(c), largest));
        }
        own = subgroupMass(own);
        barrier();
        if (subgroupElect()) groupMasses[gl_SubgroupID] = own;
        barrier();
        for (uint i = 0; i < gl_NumSubgroups; i++) mass += groupMasses[i];
    }
    if (share < 1u << 24) {
        uint64_t wanted = max(1ul, shareOf(mass, share));
        Threshold last = threshold(largest, true, 0u, wanted);
        key = last.key;
        equals = uint((wanted - last.aboveMass + uint64_t(last.weight) - 1ul) / uint64_t(last.weight));
        mass = last.aboveMass + uint64_t(equals) * uint64_t(last.weight);
    }
    float uniformNumber = arguments.uniforms[AT(1u, row, 4u)].value;
    uint fraction = uniformNumber > 0.0 ? uint(min(uniformNumber, 1.0) * 16777216.0) : 0u;
    uint64_t place = shareOf(mass, min(fraction, 0xFFFFFFu));

    // Each invocation has a stretch of its own, so that their order is that of the indices.
    uint self = ownNumber();
    uint stretch = (arguments.channels + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
    uint first = min(self * stretch, arguments.channels);
    uint end = min(first + stretch, arguments.channels);
    uint ownEquals = 0u;
    for (uint c = first; c < end; c++) ownEquals += orderedKey(element(c)) == key ? 1u : 0u;
    uint before = subgroupExclusiveAdd(ownEquals);
    uint subgroupEquals = subgroupAdd(ownEquals);
    barrier();
    if (subgroupElect()) groupCounts[gl_SubgroupID] = subgroupEquals;
    barrier();
    for (uint i = 0; i < gl_SubgroupID; i++) before += groupCounts[i];
    uint64_t ownMass = 0ul;
    uint met = before;
    for (uint c = first; c < end; c++) {
        float x = element(c);
        uint own = orderedKey(x);
        bool isKept = own > key || (own == key && met < equals);
        met += own == key ? 1u : 0u;
        ownMass += isKept ? uint64_t(weight(x, largest)) : 0ul;
    }
    uint64_t massBefore = 0ul;
    for (uint lane = 0; lane + 1u < gl_SubgroupSize; lane++) {
        uint64_t other = packUint2x32(subgroupShuffle(unpackUint2x32(ownMass), lane));
        massBefore += lane < gl_SubgroupInvocationID ? other : 0ul;
    }
    uint64_t subgroupTotal = subgroupMass(ownMass);
    barrier();
    if (subgroupElect()) groupMasses[gl_SubgroupID] = subgroupTotal;
    barrier();
    for (uint i = 0; i < gl_SubgroupID; i++) massBefore += groupMasses[i];
    if (place >= massBefore && place - massBefore < ownMass) {
        place -= massBefore;
        met = before;
        for (uint c = first; c < end; c++) {
            float x = element(c);
            uint own = orderedKey(x);
            bool isKept = own > key || (own == key && met < equals);
            met += own == key ? 1u : 0u;
            uint64_t mass = isKept ? uint64_t(weight(x, largest)) : 0ul;
            if (place < mass) {
                chosen = c;
                break;
            }
            place -= mass;
        }
    }
    // What is chosen joins the set when nobody reads it any more.
    barrier();
    finish(row, chosen);
}
