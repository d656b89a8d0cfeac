// variants: WEIGHT = f32 f16 bf16
#version 460
// A convolution of each channel by itself. An invocation computes TILE_PIXELS neighbours along a row, of one channel or of two: a row of
// taps goes over what they see while all of it is in registers, where the plain kernel loads an element and a weight for each product.
#include "common/arguments.glsl"
#include "common/weights.glsl"
#include "convolution/arguments.glsl"

// How the kernel goes along a row.
layout(constant_id = 5) const uint TAPS = 3;
layout(constant_id = 6) const uint STRIDE = 1;
layout(constant_id = 7) const uint DILATION = 1;
layout(constant_id = 8) const uint TILE_PIXELS = 8;
// The channels of an invocation: 1, or 2 where all loads of two are aligned.
layout(constant_id = 9) const uint TILE_CHANNELS = 2;

const uint SEEN = (TILE_PIXELS - 1u) * STRIDE + (TAPS - 1u) * DILATION + 1u;

float weightElement(uint index) { return decodeElement(WeightElements(arguments.weight) + AT(1u, index, WEIGHT_ELEMENT_BYTES)); }

void main() {
    uvec2 kernel = arguments.kernel;
    uvec2 dilation = arguments.dilation;
    uvec2 stride = arguments.stride;
    uvec2 padding = arguments.padding;
    uint channelTiles = arguments.outputs / TILE_CHANNELS;
    uint columnTiles = (arguments.outputWidth + TILE_PIXELS - 1u) / TILE_PIXELS;
    uint rows = arguments.pixels / arguments.outputWidth;
    FOR_EACH_ELEMENT(i, rows * columnTiles * channelTiles) {
        uint channel = i % channelTiles * TILE_CHANNELS;
        uint firstColumn = i / channelTiles % columnTiles * TILE_PIXELS;
        uint row = i / channelTiles / columnTiles;
        uint imageRow = row / arguments.outputHeight * arguments.inputHeight;
        int top = int(row % arguments.outputHeight * stride.x) - int(padding.x);
        int left = int(firstColumn * STRIDE) - int(padding.y);

        vec2 sums[TILE_PIXELS];
        [[unroll]] for (uint p = 0; p < TILE_PIXELS; p++) sums[p] = vec2(0.0);
        [[dont_unroll]] for (uint tap = 0; tap < kernel.x; tap++) {
            int y = top + int(tap * dilation.x);
            if (y < 0 || y >= int(arguments.inputHeight)) continue;
            uint start = (imageRow + uint(y)) * arguments.inputWidth;
            vec2 seen[SEEN];
            [[unroll]] for (uint c = 0; c < SEEN; c++) {
                int column = left + int(c);
                bool isInside = column >= 0 && column < int(arguments.inputWidth);
                uint index = ((isInside ? start + uint(column) : start) * arguments.outputs + channel) / TILE_CHANNELS;
                vec2 x = TILE_CHANNELS == 2u ? LOAD2(arguments.x, 0u, index) : vec2(LOAD(arguments.x, 0u, index), 0.0);
                seen[c] = isInside ? x : vec2(0.0);
            }
            [[unroll]] for (uint t = 0; t < TAPS; t++) {
                uint index = (channel * kernel.x + tap) * TAPS + t;
                vec2 w = vec2(weightElement(index), 0.0);
                if (TILE_CHANNELS == 2u) w.y = weightElement(index + kernel.x * TAPS);
                [[unroll]] for (uint p = 0; p < TILE_PIXELS; p++) sums[p] += seen[p * STRIDE + t * DILATION] * w;
            }
        }
        beginFinish();
        [[dont_unroll]] for (uint p = 0; p < TILE_PIXELS; p++) {
            if (firstColumn + p >= arguments.outputWidth) break;
            vec2 sum;
            CHOOSE(sum, sums, TILE_PIXELS, p)
            uint pixel = row * arguments.outputWidth + firstColumn + p;
            finish(pixel, channel, sum.x);
            if (TILE_CHANNELS == 2u) finish(pixel, channel + 1u, sum.y);
        }
    }
}
