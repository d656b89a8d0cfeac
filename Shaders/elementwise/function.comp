#version 460
// y = f(a, b, c) over up to five axes, along each of which an operand goes on or stays where it is (StridedWalk on the host).
//
// An invocation takes eight elements of the inner axis, 16 or 32 bytes of each operand, or one where rows do not begin at multiples of
// 16 bytes. Where the elements lie is worked out once for them.
#include "common/arguments.glsl"
#include "common/activations.glsl"
#include "common/eights.glsl"

#define FUNCTION_ACTIVATION 0u
#define FUNCTION_SCALE 1u
#define FUNCTION_CLAMP 2u
#define FUNCTION_ADD 3u
#define FUNCTION_SUBTRACT 4u
#define FUNCTION_MULTIPLY 5u
#define FUNCTION_GATED_PRODUCT 6u
#define FUNCTION_MULTIPLY_ADD 7u

layout(constant_id = 4) const uint FUNCTION = 0;
layout(constant_id = 5) const uint ACTIVATION = 0;
// The axes of the walk.
layout(constant_id = 6) const uint AXES = 1;
// Elements of the inner axis that an invocation takes: 1 or 8.
layout(constant_id = 7) const uint WIDTH = 1;
// Bit i: operand i goes on along the inner axis; otherwise it has one element for all.
layout(constant_id = 8) const uint VARYING = 1;

const bool HAS_B = FUNCTION >= FUNCTION_ADD;
const bool HAS_C = FUNCTION == FUNCTION_MULTIPLY_ADD;

layout(push_constant, scalar) uniform Arguments {
    // Those that the function lacks are a.
    Floats a;
    Floats b;
    Floats c;
    Floats result;
    // Groups of WIDTH elements.
    uint count;
    // Elements, where the only axis may end within a group.
    uint elements;
    float first;
    float second;
    // Innermost first, that in groups of WIDTH.
    uint extents[5];
    // Of the axes but the inner one, in elements.
    uint aSteps[4];
    uint bSteps[4];
    uint cSteps[4];
    CHECK_BLOCK
} arguments;

float value(float a, float b, float c) {
    switch (FUNCTION) {
    case FUNCTION_ACTIVATION: return activated(a, ACTIVATION);
    case FUNCTION_SCALE: return arguments.first * a + arguments.second;
    case FUNCTION_CLAMP: return a < arguments.first ? arguments.first : (a > arguments.second ? arguments.second : a);
    case FUNCTION_ADD: return a + b;
    case FUNCTION_SUBTRACT: return a - b;
    case FUNCTION_MULTIPLY: return a * b;
    case FUNCTION_GATED_PRODUCT: return activated(a, ACTIVATION) * b;
    default: return a * (arguments.first + b) + c;
    }
}

#define VARIES(operand) ((VARYING >> operand & 1u) != 0u)

void one(uint a, uint b, uint c, uint place) {
    float bValue = HAS_B ? LOAD_AS(SECONDS_ARE_HALF, arguments.b, 1u, b) : 0.0;
    float cValue = HAS_C ? LOAD_AS(THIRDS_ARE_HALF, arguments.c, 2u, c) : 0.0;
    STORE(arguments.result, 3u, place, value(LOAD(arguments.a, 0u, a), bValue, cValue))
}

#define LOAD_OPERAND8(isHalf, low, high, argument, slot, start) \
    { \
        if (VARIES(slot)) LOAD8(isHalf, low, high, argument, slot, (start) / 8u) \
        else low = high = vec4(LOAD_AS(isHalf, argument, slot, start)); \
    }

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint inner = i;
        uint a = 0u;
        uint b = 0u;
        uint c = 0u;
        if (AXES > 1u) {
            uint rest = i / arguments.extents[0];
            inner = i - rest * arguments.extents[0];
            [[unroll]] for (uint axis = 1; axis < AXES; axis++) {
                uint outer = axis + 1u < AXES ? rest / arguments.extents[axis] : 0u;
                uint index = rest - outer * arguments.extents[axis];
                a += index * arguments.aSteps[axis - 1u];
                if (HAS_B) b += index * arguments.bSteps[axis - 1u];
                if (HAS_C) c += index * arguments.cSteps[axis - 1u];
                rest = outer;
            }
        }
        if (VARIES(0)) a += inner * WIDTH;
        if (VARIES(1)) b += inner * WIDTH;
        if (VARIES(2)) c += inner * WIDTH;
        if (WIDTH == 8u && 8u * i + 8u <= arguments.elements) {
            vec4 aLow, aHigh;
            vec4 bLow = vec4(0.0), bHigh = vec4(0.0), cLow = vec4(0.0), cHigh = vec4(0.0);
            LOAD_OPERAND8(ACTIVATIONS_ARE_HALF, aLow, aHigh, arguments.a, 0u, a)
            if (HAS_B) LOAD_OPERAND8(SECONDS_ARE_HALF, bLow, bHigh, arguments.b, 1u, b)
            if (HAS_C) LOAD_OPERAND8(THIRDS_ARE_HALF, cLow, cHigh, arguments.c, 2u, c)
            [[unroll]] for (uint k = 0; k < 4; k++) {
                aLow[k] = value(aLow[k], bLow[k], cLow[k]);
                aHigh[k] = value(aHigh[k], bHigh[k], cHigh[k]);
            }
            STORE8(arguments.result, 3u, i, aLow, aHigh)
        } else if (WIDTH == 1u) {
            one(a, b, c, i);
        } else {
            // The last ones.
            for (uint k = 0; 8u * i + k < arguments.elements; k++) {
                one(VARIES(0) ? a + k : a, VARIES(1) ? b + k : b, VARIES(2) ? c + k : c, 8u * i + k);
            }
        }
    }
}
