// The pixels of a result in phases: in a transposed convolution, those whose rows (and columns) leave the same remainder when divided by
// the stride. They meet the same taps, and a kernel that takes them together leaves out all others. A convolution is a single phase.
#pragma once

struct Phases {
    // How many there are along each axis: they are as far apart as the pixels of one.
    uvec2 count;
    // The pixels of one in an image.
    uvec2 grid;
    // Those of all images.
    uint places;
};

Phases phases() {
    uvec2 count = TRANSPOSED ? arguments.stride : uvec2(1u);
    uvec2 grid = (uvec2(arguments.outputHeight, arguments.outputWidth) + count - 1u) / count;
    uint images = arguments.pixels / (arguments.outputHeight * arguments.outputWidth);
    return Phases(count, grid, images * grid.x * grid.y);
}

// The pixel of the result that stands at a place of a phase; none where the grid reaches beyond an image.
uint resultPixel(Phases all, uvec2 phase, uint place) {
    uint row = place / all.grid.y % all.grid.x * all.count.x + phase.x;
    uint column = place % all.grid.y * all.count.y + phase.y;
    bool isInside = row < arguments.outputHeight && column < arguments.outputWidth;
    return isInside ? (place / (all.grid.x * all.grid.y) * arguments.outputHeight + row) * arguments.outputWidth + column : 0xFFFFFFFFu;
}

// What a pixel of the result sees: the row of x with which its image begins, counted over all images, and where tap 0 lies in the
// (upsampled) image; out of reach for a pixel that is none.
struct View {
    uint imageRow;
    ivec2 origin;
};

View view(uint pixel) {
    uint row = pixel / arguments.outputWidth;
    uvec2 position = uvec2(row % arguments.outputHeight, pixel % arguments.outputWidth);
    uvec2 padding = arguments.padding;
    uvec2 stride = arguments.stride;
    ivec2 origin = TRANSPOSED ? ivec2((position + padding) / stride) : ivec2(position * stride) - ivec2(padding);
    return View(row / arguments.outputHeight * arguments.inputHeight, pixel < arguments.pixels ? origin : ivec2(-0x40000000));
}

// How far a tap lies from tap 0; false where it meets none of the pixels of a phase.
bool tapOffset(uvec2 phase, uint tap, out ivec2 offset) {
    uint width = arguments.kernel.y;
    offset = ivec2(uvec2(tap / width, tap % width) * arguments.dilation);
    if (TRANSPOSED) {
        uvec2 stride = arguments.stride;
        offset = ivec2((phase + arguments.padding) % stride) - offset;
        // A whole number of strides, or the tap falls between the pixels of x.
        if (any(notEqual(uvec2(abs(offset)) % stride, uvec2(0u)))) return false;
        offset /= ivec2(stride);
    }
    return true;
}

// The pixel of x, over all images, that a tap meets; false where there is none.
bool inputPixel(View view, ivec2 offset, out uint pixel) {
    uvec2 position = uvec2(view.origin + offset);
    uint upsampling = arguments.upsampling;
    bool isInside = all(lessThan(position, uvec2(arguments.inputHeight, arguments.inputWidth) * upsampling));
    if (upsampling > 1u) position /= upsampling;
    pixel = isInside ? (view.imageRow + position.x) * arguments.inputWidth + position.y : 0u;
    return isInside;
}
