// variants: WIDTH = 1 4
#version 460
// One map over every row of an activation, with the strength λ·σ(⟨v, x⟩ + c₀) of the whole row x; a work-group for each row.
//
// A row without a map, or with λ = 0, is copied bit for bit; an intercept of +∞ is no gate. The row is read twice, the second time from a cache: two
// invocations never share an element, so that the result may lie over x.
#include "common/arguments.glsl"
#include "common/reduce.glsl"
#include "common/transport.glsl"

#define TRANSPORT_SLOT 4u

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    // [maps, channels]
    Floats weights;
    // [maps]
    Floats intercepts;
    TRANSPORT_ADDRESSES
    uint rows;
    uint channels;
    TRANSPORT_NUMBERS
    CHECK_BLOCK
} arguments;

DEFINE_TRANSPORT

float gate(uint row, uint index) {
    float intercept = arguments.intercepts[AT(3u, index, 4u)].value;
    if (floatBitsToUint(intercept) == 0x7F800000u) return 1.0;
    uint units = arguments.channels / WIDTH;
    float sum = 0.0;
    for (uint c = gl_LocalInvocationID.x; c < units; c += gl_WorkGroupSize.x) {
#if WIDTH == 4
        sum += dot(LOAD4(arguments.x, 0u, row * units + c), Float4s(arguments.weights)[AT(2u, index * units + c, 16u)].value);
#else
        sum += LOAD(arguments.x, 0u, row * units + c) * arguments.weights[AT(2u, index * units + c, 4u)].value;
#endif
    }
    float score = groupSum(sum) + intercept;
    float decay = exp(-abs(score));
    return (score >= 0.0 ? 1.0 : decay) / (1.0 + decay);
}

float moved(float x, vec4 map, float strength) {
    float y = x + strength * ((map.x * x + map.y) - x);
    return map.z < x && x < map.w ? y : x;
}

void main() {
    uint row = linearGroup();
    if (row >= arguments.rows) return;
    uint units = arguments.channels / WIDTH;
    vec4 first;
    float strength;
    // The same for all of the work-group.
    bool acts = transportMap(row, 0u, arguments.channels, first, strength);
    uint index = 0u;
    if (acts) {
        uint element = transportElement(row, TRANSPORT_INDEX_PER_ROW, TRANSPORT_INDEX_PER_IMAGE);
        index = uint(arguments.indices[AT(TRANSPORT_SLOT + 1u, element, 4u)].value);
        strength *= gate(row, index);
    }
    for (uint c = gl_LocalInvocationID.x; c < units; c += gl_WorkGroupSize.x) {
#if WIDTH == 4
        vec4 x = LOAD4(arguments.x, 0u, row * units + c);
        if (acts) {
            [[unroll]] for (uint j = 0; j < 4u; j++) {
                x[j] = moved(x[j], arguments.table[AT(TRANSPORT_SLOT, index * arguments.channels + 4u * c + j, 16u)].value, strength);
            }
        }
        STORE4(arguments.result, 1u, row * units + c, x)
#else
        float x = LOAD(arguments.x, 0u, row * units + c);
        if (acts) x = moved(x, arguments.table[AT(TRANSPORT_SLOT, index * arguments.channels + c, 16u)].value, strength);
        STORE(arguments.result, 1u, row * units + c, x)
#endif
    }
}
