#pragma once
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x_id = 0, local_size_y_id = 1, local_size_z_id = 2) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float at[]; };

#ifdef CHECKED
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer CheckBlock {
    uint flag;
    uint slot;
    uint index;
    uint count;
    uint64_t byteLengths[12];
};
#define CHECK_ARGUMENT layout(offset = 120) CheckBlock check;
#define IN_BOUNDS(arguments, slotNumber, i) (inBounds(arguments.check, slotNumber, i))
bool inBounds(CheckBlock check, uint slot, uint i) {
    uint count = uint(check.byteLengths[slot] / 4);
    if (i < count) return true;
    if (atomicCompSwap(check.flag, 0u, 1u) == 0u) {
        check.slot = slot;
        check.index = i;
        check.count = count;
    }
    return false;
}
#else
#define CHECK_ARGUMENT
#define IN_BOUNDS(arguments, slotNumber, i) true
#endif
