#version 460
// One token a row, drawn with the probabilities of those that are kept; a work-group for each row.
//
// Weights are integers (SampleWeight on the host), so that their sums are exact in any order, and each operation that makes them is rounded
// on its own: every device draws the same token. Two searches over the digits of the keys, as in topK, find the smallest key that is
// kept; then the invocations, each with a stretch of its own, find in whose stretch the number lies.
#include "common/arguments.glsl"
#include "common/ordering.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats uniforms;
    Integers result;
    uint rows;
    uint channels;
    // How many tokens are kept at most.
    uint selected;
    // The share of the weight that is kept, as a multiple of 2⁻²⁴.
    uint share;
    float inverseTemperature;
    CHECK_BLOCK
} arguments;

// As many as 256 invocations in subgroups of at least 4.
const uint MOST_SUBGROUPS = 64;
const uint DIGITS = 15;

shared float groupMaxima[MOST_SUBGROUPS];
shared uint groupCounts[DIGITS * MOST_SUBGROUPS];
shared uint64_t groupMasses[DIGITS * MOST_SUBGROUPS];

float element(uint index) {
    float x = LOAD(arguments.x, 0u, index);
    return isnan(x) ? uintBitsToFloat(0xFF800000u) : (x == 0.0 ? 0.0 : x);
}

uint weight(float x, float largest) {
    if (x == largest) return 1u << 30;
    precise float difference = x - largest;
    precise float z = difference * arguments.inverseTemperature;
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

float groupMaximum(float x) {
    float most = subgroupMax(x);
    if (subgroupElect()) groupMaxima[gl_SubgroupID] = most;
    barrier();
    for (uint i = 0; i < gl_NumSubgroups; i++) most = max(most, groupMaxima[i]);
    return most;
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
Threshold threshold(uint start, float largest, bool byMass, uint wanted, uint64_t wantedMass) {
    uint prefix = 0u;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint counts[DIGITS];
        uint64_t masses[DIGITS];
        [[unroll]] for (uint d = 0; d < DIGITS; d++) {
            counts[d] = 0u;
            masses[d] = 0ul;
        }
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            float x = element(start + c);
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
        float x = element(start + c);
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
    uint start = row * arguments.channels;
    float most = uintBitsToFloat(0xFF800000u);
    for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) most = max(most, element(start + c));
    float largest = groupMaximum(most);

    // The smallest key that is kept, how many tokens that have it are, and the weight of what is kept. Every key is at least 0.
    uint key = 0u;
    uint equals = 0xFFFFFFFFu;
    uint64_t mass = 0ul;
    if (arguments.selected < arguments.channels) {
        Threshold last = threshold(start, largest, false, arguments.selected, 0ul);
        key = last.key;
        equals = arguments.selected - last.above;
        mass = last.aboveMass + uint64_t(equals) * uint64_t(last.weight);
    } else {
        // Of all tokens: the weight at or above the smallest key.
        uint64_t own = 0ul;
        for (uint c = gl_LocalInvocationID.x; c < arguments.channels; c += gl_WorkGroupSize.x) {
            own += uint64_t(weight(element(start + c), largest));
        }
        own = subgroupMass(own);
        barrier();
        if (subgroupElect()) groupMasses[gl_SubgroupID] = own;
        barrier();
        for (uint i = 0; i < gl_NumSubgroups; i++) mass += groupMasses[i];
    }
    if (arguments.share < 1u << 24) {
        uint64_t wanted = max(1ul, shareOf(mass, arguments.share));
        Threshold last = threshold(start, largest, true, 0u, wanted);
        key = last.key;
        equals = uint((wanted - last.aboveMass + uint64_t(last.weight) - 1ul) / uint64_t(last.weight));
        mass = last.aboveMass + uint64_t(equals) * uint64_t(last.weight);
    }
    float uniformNumber = arguments.uniforms[AT(1u, row, 4u)].value;
    uint fraction = uniformNumber > 0.0 ? uint(min(uniformNumber, 1.0) * 16777216.0) : 0u;
    uint64_t place = shareOf(mass, min(fraction, 0xFFFFFFu));

    // Each invocation has a stretch of its own, so that their order is that of the indices.
    uint self = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
    uint stretch = (arguments.channels + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x;
    uint first = min(self * stretch, arguments.channels);
    uint end = min(first + stretch, arguments.channels);
    uint ownEquals = 0u;
    for (uint c = first; c < end; c++) ownEquals += orderedKey(element(start + c)) == key ? 1u : 0u;
    uint before = subgroupExclusiveAdd(ownEquals);
    uint subgroupEquals = subgroupAdd(ownEquals);
    barrier();
    if (subgroupElect()) groupCounts[gl_SubgroupID] = subgroupEquals;
    barrier();
    for (uint i = 0; i < gl_SubgroupID; i++) before += groupCounts[i];
    uint64_t ownMass = 0ul;
    uint met = before;
    for (uint c = first; c < end; c++) {
        float x = element(start + c);
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
    if (place < massBefore || place - massBefore >= ownMass) return;
    place -= massBefore;
    met = before;
    for (uint c = first; c < end; c++) {
        float x = element(start + c);
        uint own = orderedKey(x);
        bool isKept = own > key || (own == key && met < equals);
        met += own == key ? 1u : 0u;
        uint64_t mass = isKept ? uint64_t(weight(x, largest)) : 0ul;
        if (place < mass) {
            arguments.result[AT(2u, row, 4u)].value = int(c);
            return;
        }
        place -= mass;
    }
}
