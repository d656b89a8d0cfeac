// variants: WEIGHT = f32 f16 bf16 q8_0
#version 460
// A convolution, an invocation for each element of the result, whatever the geometry.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "convolution/arguments.glsl"
#include "convolution/positions.glsl"

void main() {
    uvec2 kernel = arguments.kernel;
    uvec2 stride = arguments.stride;
    uvec2 dilation = arguments.dilation;
    uvec2 padding = arguments.padding;
    uint inputs = arguments.groupInputs;
    beginFinish();
    FOR_EACH_ELEMENT(i, arguments.pixels * arguments.outputs) {
        uint pixel = i / arguments.outputs;
        uint channel = i % arguments.outputs;
        uint firstInput = channel / groupOutputs() * inputs;
        uint column = pixel % arguments.outputWidth;
        uint row = pixel / arguments.outputWidth % arguments.outputHeight;
        uint image = pixel / (arguments.outputWidth * arguments.outputHeight);
        float sum = 0.0;
        for (uint tap = 0; tap < kernel.x * kernel.y; tap++) {
            uint y = inputPosition(row, tap / kernel.y, stride.x, dilation.x, padding.x, arguments.inputHeight);
            uint x = inputPosition(column, tap % kernel.y, stride.y, dilation.y, padding.y, arguments.inputWidth);
            if (y >= arguments.inputHeight || x >= arguments.inputWidth) continue;
            uint xStart = ((image * arguments.inputHeight + y) * arguments.inputWidth + x) * arguments.channels + firstInput;
            uint weightStart = (channel * kernel.x * kernel.y + tap) * inputs;
            float part = 0.0;
#ifdef WEIGHT_IS_PLAIN
            for (uint k = 0; k < inputs; k++) {
                WeightElements element = WeightElements(arguments.weight) + AT(1u, weightStart + k, WEIGHT_ELEMENT_BYTES);
                part += LOAD(arguments.x, 0u, xStart + k) * decodeElement(element);
            }
#else
            for (uint chunk = 0; chunk < inputs / 32u; chunk++) {
                float w[32];
                DECODE_CHUNK(w, arguments.weight, 1u, weightStart / 32u + chunk)
                [[unroll]] for (uint k = 0; k < 32; k++) part += LOAD(arguments.x, 0u, xStart + 32u * chunk + k) * w[k];
            }
#endif
            sum += part;
        }
        finish(pixel, channel, sum);
    }
}
