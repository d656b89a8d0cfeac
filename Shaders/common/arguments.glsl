// What every kernel begins with: extensions, the work-group's size, references to buffers, and the test of their bounds.
//
// A kernel's arguments are one push-constant block, buffer addresses first, declared as
//     layout(push_constant, scalar) uniform Arguments { Floats x; …; CHECK_BLOCK } arguments;
// and an element is reached as `arguments.x[AT(0, i, 4)].value`: argument 0, element i, elements of 4 bytes.
//
// Activations are f32 or f16: specialization constant 3 says which of a kernel's are what, so that no kernel exists twice. They are
// declared as `Floats` and reached by LOAD (the operand), STORE (the result) and LOAD_RESIDUAL, two or four at a time by LOAD2, LOAD4
// and STORE4.
#pragma once
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require

layout(local_size_x_id = 0, local_size_y_id = 1, local_size_z_id = 2) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float value; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Float4s { vec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Word4s { uvec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Halves { float16_t value; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Half4s { u16vec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer HalfFours { f16vec4 value; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Integers { int value; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Longs { uint64_t value; };

#ifdef CHECKED

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer CheckBlock {
    uint flag;
    uint slot;
    uint index;
    uint count;
    uint64_t byteLengths[32];
};

#define CHECK_BLOCK layout(offset = 120) CheckBlock check;

// The index itself where it lies inside the buffer; otherwise 0, and the first offence is written down.
uint checkedIndex(CheckBlock check, uint slot, uint index, uint elementBytes) {
    uint64_t count = check.byteLengths[slot] / elementBytes;
    if (index < count) return index;
    if (atomicCompSwap(check.flag, 0u, 1u) == 0u) {
        check.slot = slot;
        check.index = index;
        check.count = uint(min(count, uint64_t(0xFFFFFFFFu)));
    }
    return 0u;
}

#define AT(slot, index, elementBytes) checkedIndex(arguments.check, slot, index, elementBytes)

#else

#define CHECK_BLOCK
#define AT(slot, index, elementBytes) (index)

#endif

// Which activations are f16, the others being f32: bit 0 the operand, bit 1 the result, bits 2 and 3 a second and a third operand, of which
// the second is the residual where there is one.
layout(constant_id = 3) const uint ACTIVATION_TYPES = 0;
const bool ACTIVATIONS_ARE_HALF = (ACTIVATION_TYPES & 1u) != 0u;
const bool RESULTS_ARE_HALF = (ACTIVATION_TYPES & 2u) != 0u;
const bool SECONDS_ARE_HALF = (ACTIVATION_TYPES & 4u) != 0u;
const bool THIRDS_ARE_HALF = (ACTIVATION_TYPES & 8u) != 0u;

// Element `index` of an argument that holds elements of two bytes where `isHalf`, else of four.
#define LOAD_AS(isHalf, argument, slot, index) \
    ((isHalf) ? float(Halves(argument)[AT(slot, index, 2u)].value) : (argument)[AT(slot, index, 4u)].value)
#define STORE_AS(isHalf, argument, slot, index, x) \
    { \
        if (isHalf) Halves(argument)[AT(slot, index, 2u)].value = float16_t(inHalfRange(x)); \
        else (argument)[AT(slot, index, 4u)].value = x; \
    }

// Operand, result and residual.
#define LOAD(argument, slot, index) LOAD_AS(ACTIVATIONS_ARE_HALF, argument, slot, index)
#define STORE(argument, slot, index, x) STORE_AS(RESULTS_ARE_HALF, argument, slot, index, x)
#define LOAD_RESIDUAL(argument, slot, index) LOAD_AS(SECONDS_ARE_HALF, argument, slot, index)

// Elements 2·index and 2·index + 1, where the argument begins at a multiple of their 8 (f32) or 4 bytes (f16).
#define LOAD2_AS(isHalf, argument, slot, index) \
    ((isHalf) ? unpackHalf2x16(uint(Integers(argument)[AT(slot, index, 4u)].value)) \
              : uintBitsToFloat(unpackUint2x32(Longs(argument)[AT(slot, index, 8u)].value)))
#define LOAD2(argument, slot, index) LOAD2_AS(ACTIVATIONS_ARE_HALF, argument, slot, index)

// Elements 4·index ..< 4·(index + 1), where the argument begins at a multiple of their 16 (f32) or 8 bytes (f16).
#define LOAD4_AS(isHalf, argument, slot, index) \
    ((isHalf) ? halves4(Half4s(argument)[AT(slot, index, 8u)].value) : Float4s(argument)[AT(slot, index, 16u)].value)
#define STORE4_AS(isHalf, argument, slot, index, x) \
    { \
        if (isHalf) HalfFours(argument)[AT(slot, index, 8u)].value = f16vec4(inHalfRange(x)); \
        else Float4s(argument)[AT(slot, index, 16u)].value = x; \
    }
#define LOAD4(argument, slot, index) LOAD4_AS(ACTIVATIONS_ARE_HALF, argument, slot, index)
#define STORE4(argument, slot, index, x) STORE4_AS(RESULTS_ARE_HALF, argument, slot, index, x)
#define LOAD_RESIDUAL4(argument, slot, index) LOAD4_AS(SECONDS_ARE_HALF, argument, slot, index)

vec4 halves4(u16vec4 bits) {
    uvec4 wide = uvec4(bits);
    return vec4(unpackHalf2x16(wide.x | (wide.y << 16)), unpackHalf2x16(wide.z | (wide.w << 16)));
}

// What is too large for f16 is infinite, as rounding to the nearest has it: a device whose conversions round towards zero would leave the
// largest finite number, and nobody could see that there was more. Conversions are by the constructor, which rounds to the nearest on the
// devices there are; packHalf2x16 rounds towards zero on some.
float inHalfRange(float x) { return abs(x) < 65520.0 ? x : x * (1.0 / 0.0); }
vec4 inHalfRange(vec4 x) { return vec4(inHalfRange(x.x), inHalfRange(x.y), inHalfRange(x.z), inHalfRange(x.w)); }

// Work-groups are laid out over x and then y, since a dimension may be limited to 65535 of them.
uint linearGroup() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

// Elements 0 ..< count dealt out to all invocations of the dispatch in turn, however many were launched.
#define FOR_EACH_ELEMENT(i, count) \
    for (uint i = gl_GlobalInvocationID.x, step_ = gl_NumWorkGroups.x * gl_WorkGroupSize.x; i < (count); i = nextElement(i, step_))

// The end of the range rather than a wrap-around, for counts near 2³².
uint nextElement(uint i, uint step_) { return i > 0xFFFFFFFFu - step_ ? 0xFFFFFFFFu : i + step_; }
