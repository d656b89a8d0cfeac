// What every kernel begins with: extensions, the work-group's size, references to buffers, and the test of their bounds.
//
// A kernel's arguments are one push-constant block, buffer addresses first, declared as
//     layout(push_constant, scalar) uniform Arguments { Floats x; …; CHECK_BLOCK } arguments;
// and an element is reached as `arguments.x[AT(0, i, 4)].value`: argument 0, element i, elements of 4 bytes.
#pragma once
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require

layout(local_size_x_id = 0, local_size_y_id = 1, local_size_z_id = 2) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float value; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Float4s { vec4 value; };
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

// Work-groups are laid out over x and then y, since a dimension may be limited to 65535 of them.
uint linearGroup() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

// Elements 0 ..< count dealt out to all invocations of the dispatch in turn, however many were launched.
#define FOR_EACH_ELEMENT(i, count) \
    for (uint i = gl_GlobalInvocationID.x, step_ = gl_NumWorkGroups.x * gl_WorkGroupSize.x; i < (count); i = nextElement(i, step_))

// The end of the range rather than a wrap-around, for counts near 2³².
uint nextElement(uint i, uint step_) { return i > 0xFFFFFFFFu - step_ ? 0xFFFFFFFFu : i + step_; }
