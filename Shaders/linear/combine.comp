#version 460
// y = epilogue(Σ + b) of the sums that the work-groups of linear/matrix have left, x: [splits, rows, outputs] f32.
#include "common/arguments.glsl"
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer WeightBlocks { uint16_t value; };
#define EXTRA_NUMBERS uint splits;
#include "linear/epilogue.glsl"

void main() {
    uint count = arguments.rows * arguments.outputs;
    FOR_EACH_ELEMENT(i, count) {
        float sum = 0.0;
        for (uint split = 0; split < arguments.splits; split++) sum += arguments.x[AT(0u, split * count + i, 4u)].value;
        finish(i / arguments.outputs, i % arguments.outputs, sum);
    }
}
