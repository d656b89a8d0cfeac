// variants: WIDTH = 1 4
#version 460
// Maps between clusters: y = x + λ·Σ softmax(⟨v_i, x⟩ + c_i)·d_i of the whole row x; a work-group for each row.
//
// A row without a map, with λ = 0, or whose map has no clusters is copied bit for bit; an intercept of −∞ is no cluster. The row is read twice, the
// second time from a cache: two invocations never share an element, so that the result may lie over x.
#include "common/arguments.glsl"
#include "common/reduce.glsl"
#include "common/transport.glsl"

// As many as a map may have.
#define CLUSTERS 16

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    // [maps, clusters, channels]
    Floats weights;
    // [maps, clusters]
    Floats intercepts;
    // [maps, clusters, channels]
    Floats shifts;
    Integers indices;
    Floats strengths;
    uint rows;
    uint channels;
    uint clusters;
    uint maps;
    uint sharing;
    CHECK_BLOCK
} arguments;

// The sums over the work-group of what each of its at most 256 invocations has, in subgroups of at least 4: all of them behind one barrier, in a
// loop over subgroups inside which clusters are unrolled, so that values stay in registers.
shared float clusterSums[64 * CLUSTERS];

void sumClusters(inout float values[CLUSTERS]) {
    [[unroll]] for (uint k = 0; k < CLUSTERS; k++) values[k] = subgroupAdd(values[k]);
    if (ONE_SUBGROUP) return;
    if (subgroupElect()) {
        [[unroll]] for (uint k = 0; k < CLUSTERS; k++) clusterSums[gl_SubgroupID * CLUSTERS + k] = values[k];
    }
    barrier();
    [[unroll]] for (uint k = 0; k < CLUSTERS; k++) values[k] = 0.0;
    [[dont_unroll]] for (uint i = 0; i < gl_NumSubgroups; i++) {
        [[unroll]] for (uint k = 0; k < CLUSTERS; k++) values[k] += clusterSums[i * CLUSTERS + k];
    }
}

uint element(uint row, uint perRow, uint perImage) {
    if ((arguments.sharing & perRow) != 0u) return row;
    return (arguments.sharing & perImage) != 0u ? row / (arguments.sharing >> TRANSPORT_FLAG_BITS) : 0u;
}

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint units = arguments.channels / WIDTH;
    // All of this is the same for all of the work-group.
    uint index = uint(arguments.indices[AT(5u, element(row, TRANSPORT_INDEX_PER_ROW, TRANSPORT_INDEX_PER_IMAGE), 4u)].value);
    float strength = arguments.strengths[AT(6u, element(row, TRANSPORT_STRENGTH_PER_ROW, TRANSPORT_STRENGTH_PER_IMAGE), 4u)].value;
    bool acts = index != 0u && index < arguments.maps && strength != 0.0;
    uint first = index * arguments.clusters;

    // A bit for each cluster that is one.
    uint present = 0u;
    float factors[CLUSTERS];
    [[unroll]] for (uint k = 0; k < CLUSTERS; k++) factors[k] = 0.0;
    if (acts) {
        [[dont_unroll]] for (uint c = gl_LocalInvocationID.x; c < units; c += gl_WorkGroupSize.x) {
#if WIDTH == 4
            vec4 x = LOAD4(arguments.x, 0u, row * units + c);
#else
            float x = LOAD(arguments.x, 0u, row * units + c);
#endif
            [[unroll]] for (uint k = 0; k < CLUSTERS; k++) {
                if (k < arguments.clusters) {
#if WIDTH == 4
                    factors[k] += dot(x, Float4s(arguments.weights)[AT(2u, (first + k) * units + c, 16u)].value);
#else
                    factors[k] += x * arguments.weights[AT(2u, (first + k) * units + c, 4u)].value;
#endif
                }
            }
        }
        sumClusters(factors);
        float highest = uintBitsToFloat(0xFF800000u);
        [[unroll]] for (uint k = 0; k < CLUSTERS; k++) {
            if (k < arguments.clusters) {
                float intercept = arguments.intercepts[AT(3u, first + k, 4u)].value;
                factors[k] += intercept;
                if (floatBitsToUint(intercept) != 0xFF800000u) {
                    present |= 1u << k;
                    highest = max(highest, factors[k]);
                }
            }
        }
        float total = 0.0;
        [[unroll]] for (uint k = 0; k < CLUSTERS; k++) {
            factors[k] = (present & (1u << k)) != 0u ? exp(factors[k] - highest) : 0.0;
            total += factors[k];
        }
        acts = present != 0u;
        [[unroll]] for (uint k = 0; k < CLUSTERS; k++) factors[k] = acts ? strength * (factors[k] / total) : 0.0;
    }
    for (uint c = gl_LocalInvocationID.x; c < units; c += gl_WorkGroupSize.x) {
#if WIDTH == 4
        vec4 x = LOAD4(arguments.x, 0u, row * units + c);
        vec4 shift = vec4(0.0);
#else
        float x = LOAD(arguments.x, 0u, row * units + c);
        float shift = 0.0;
#endif
        if (acts) {
            [[unroll]] for (uint k = 0; k < CLUSTERS; k++) {
                if ((present & (1u << k)) != 0u) {
#if WIDTH == 4
                    shift += factors[k] * Float4s(arguments.shifts)[AT(4u, (first + k) * units + c, 16u)].value;
#else
                    shift += factors[k] * arguments.shifts[AT(4u, (first + k) * units + c, 4u)].value;
#endif
                }
            }
            x += shift;
        }
#if WIDTH == 4
        STORE4(arguments.result, 1u, row * units + c, x)
#else
        STORE(arguments.result, 1u, row * units + c, x)
#endif
    }
}
