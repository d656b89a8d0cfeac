// What every kernel begins with: extensions, the work-group's size, references to buffers, and the test of their bounds.
//
// A kernel's arguments are one push-constant block, buffer addresses first, declared as
//     layout(push_constant, scalar) uniform Arguments { Floats x; …; CHECK_BLOCK } arguments;
// and an element is reached as `arguments.x[AT(0, i, 4)].value`: argument 0, element i, elements of 4 bytes.
//
// Activations are f32 or f16, the same in all arguments of a dispatch: specialization constant 3 says which, so that no kernel
// exists twice. They are declared as `Floats` and reached by LOAD and STORE, two or four at a time by LOAD2, LOAD4
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
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Integers { int value; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Longs { uint64_t value; };

#ifdef CHECKED

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer CheckBlock {
    uint flag;
    uint slot;
    uint index;
    uint count;
    uint64_t byteLengths[12];
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

// The type of the activations: 0 for f32, 1 for f16.
layout(constant_id = 3) const uint ACTIVATION_TYPE = 0;
const bool ACTIVATIONS_ARE_HALF = ACTIVATION_TYPE == 1u;

// Element `index` of an argument that holds elements of two bytes where `isHalf`, else of four.
#define LOAD_AS(isHalf, argument, slot, index) \
    ((isHalf) ? float(Halves(argument)[AT(slot, index, 2u)].value) : (argument)[AT(slot, index, 4u)].value)
#define STORE_AS(isHalf, argument, slot, index, x) \
    { \
        if (isHalf) Halves(argument)[AT(slot, index, 2u)].value = float16_t(x); \
        else (argument)[AT(slot, index, 4u)].value = x; \
    }

// Activations.
#define LOAD(argument, slot, index) LOAD_AS(ACTIVATIONS_ARE_HALF, argument, slot, index)
#define STORE(argument, slot, index, x) STORE_AS(ACTIVATIONS_ARE_HALF, argument, slot, index, x)

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
        if (isHalf) Half4s(argument)[AT(slot, index, 8u)].value = halfBits4(x); \
        else Float4s(argument)[AT(slot, index, 16u)].value = x; \
    }
#define LOAD4(argument, slot, index) LOAD4_AS(ACTIVATIONS_ARE_HALF, argument, slot, index)
#define STORE4(argument, slot, index, x) STORE4_AS(ACTIVATIONS_ARE_HALF, argument, slot, index, x)

vec4 halves4(u16vec4 bits) {
    uvec4 wide = uvec4(bits);
    return vec4(unpackHalf2x16(wide.x | (wide.y << 16)), unpackHalf2x16(wide.z | (wide.w << 16)));
}

u16vec4 halfBits4(vec4 x) {
    uint low = packHalf2x16(x.xy);
    uint high = packHalf2x16(x.zw);
    return u16vec4(uvec4(low & 0xFFFFu, low >> 16, high & 0xFFFFu, high >> 16));
}

// Work-groups are laid out over x and then y, since a dimension may be limited to 65535 of them.
uint linearGroup() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

// Elements 0 ..< count dealt out to all invocations of the dispatch in turn, however many were launched.
#define FOR_EACH_ELEMENT(i, count) \
    for (uint i = gl_GlobalInvocationID.x, step_ = gl_NumWorkGroups.x * gl_WorkGroupSize.x; i < (count); i = nextElement(i, step_))

// The end of the range rather than a wrap-around, for counts near 2³².
uint nextElement(uint i, uint step_) { return i > 0xFFFFFFFFu - step_ ? 0xFFFFFFFFu : i + step_; }
