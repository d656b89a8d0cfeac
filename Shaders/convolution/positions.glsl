// Where a tap of a kernel lies in the input.
#pragma once

// The input position that a tap meets; `extent` or more where it meets none.
uint inputPosition(uint position, uint tap, uint stride, uint dilation, uint padding, uint extent) {
    if (TRANSPOSED) {
        int offset = int(position + padding) - int(tap * dilation);
        return offset < 0 || uint(offset) % stride != 0u ? extent : uint(offset) / stride;
    }
    int offset = int(position * stride + tap * dilation) - int(padding);
    return offset < 0 ? extent : uint(offset) / arguments.upsampling;
}
