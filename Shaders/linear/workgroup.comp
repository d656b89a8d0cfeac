// prebuilt: MATRIX = nv
// variants: WEIGHT = f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// y = epilogue(x · Wᵀ + b) on tensor cores by whole work-groups (GL_NV_cooperative_matrix2): f16 products, f32 sums. The driver stages
// the tiles; tensor layouts fill up with zeros what lies beyond the edges, weights are decoded element by element as they pass, and the
// epilogue is applied to each element of the sums where it lies.
#include "common/arguments.glsl"
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#include "common/weights.glsl"
#include "linear/epilogue.glsl"

layout(constant_id = 4) const uint TILE_ROWS = 128;
layout(constant_id = 5) const uint TILE_OUTPUTS = 128;
// Channels that are multiplied at a time.
layout(constant_id = 6) const uint STEP = 64;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer HalfArray { float16_t elements[]; };

#if defined(WEIGHT_f16)
#define WEIGHT_ARRAY HalfArray(uint64_t(arguments.weight)).elements
#elif defined(WEIGHT_bf16)
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer WeightArray { uint16_t elements[]; };
#define WEIGHT_ARRAY WeightArray(uint64_t(arguments.weight)).elements
const uint BLOCK = 1;

float16_t decodeWeight(const in WeightElements element, const in uint blockPlace[2], const in uint place[2]) {
    return float16_t(decodeElement(element));
}
#else
layout(buffer_reference, scalar, buffer_reference_align = BLOCK_ALIGN) readonly buffer WeightArray { WeightBlock blocks[]; };
#define WEIGHT_ARRAY WeightArray(uint64_t(arguments.weight)).blocks
const uint BLOCK = 32u * BLOCK_CHUNKS;

// One element of a block.
float16_t decodeWeight(const in WeightBlocks block, const in uint blockPlace[2], const in uint place[2]) {
    uint i = place[1];
#if defined(WEIGHT_q8_0)
    uint pair = uint(block.value.pairs[i / 2u]);
    return float16_t(halfBits(uint(block.value.d)) * float(bitfieldExtract(int(pair), int(8u * (i & 1u)), 8)));
#elif defined(WEIGHT_q4_0) || defined(WEIGHT_q5_0)
    uint j = i & 15u;
    uint number = (uint(block.value.nibbles[j / 2u]) >> (8u * (j & 1u) + (i & 16u) / 4u)) & 15u;
#if defined(WEIGHT_q5_0)
    number |= ((uint(block.value.high[i / 16u]) >> j) & 1u) << 4;
    return float16_t(halfBits(uint(block.value.d)) * float(int(number) - 16));
#else
    return float16_t(halfBits(uint(block.value.d)) * float(int(number) - 8));
#endif
#elif defined(WEIGHT_q4_1) || defined(WEIGHT_q5_1)
    uint j = i & 15u;
    uint number = (block.value.nibbles[j / 4u] >> (8u * (j & 3u) + (i & 16u) / 4u)) & 15u;
#if defined(WEIGHT_q5_1)
    number |= ((block.value.high >> i) & 1u) << 4;
#endif
    vec2 dm = unpackHalf2x16(block.value.dm);
    return float16_t(dm.x * float(number) + dm.y);
#elif defined(WEIGHT_q4_K) || defined(WEIGHT_q5_K)
    uint chunk = i / 32u;
    uint j = i & 31u;
    vec2 scale = unpackHalf2x16(block.value.dm) * vec2(packedScale(block, chunk));
    uint number = (block.value.nibbles[8u * (chunk / 2u) + j / 4u] >> (8u * (j & 3u) + 4u * (chunk & 1u))) & 15u;
#if defined(WEIGHT_q5_K)
    number |= ((block.value.high[j / 4u] >> (8u * (j & 3u) + chunk)) & 1u) << 4;
#endif
    return float16_t(scale.x * float(number) - scale.y);
#elif defined(WEIGHT_q6_K)
    uint chunk = i / 32u;
    uint j = i & 31u;
    uint low = uint(block.value.low[32u * (chunk / 4u) + 16u * (chunk & 1u) + j / 2u]) >> (8u * (j & 1u) + 2u * (chunk & 2u));
    uint high = uint(block.value.high[16u * (chunk / 4u) + j / 2u]) >> (8u * (j & 1u) + 2u * (chunk & 3u));
    uint scales = uint(block.value.scales[chunk]) >> (8u * (j / 16u));
    float scale = halfBits(uint(block.value.d)) * float(bitfieldExtract(int(scales), 0, 8));
    return float16_t(scale * float(int((low & 15u) | ((high & 3u) << 4)) - 32));
#endif
}
#endif

float finishElement(const in uint row, const in uint column, const in float sum, const in uint firstRow, const in uint firstOutput) {
    finish(firstRow + row, firstOutput + column, sum);
    return sum;
}

// As in linear/matrix.
const uint BAND = 8;

void main() {
    uint rowTiles = (arguments.rows + TILE_ROWS - 1u) / TILE_ROWS;
    uint outputTiles = (arguments.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint group = linearGroup();
    if (group >= rowTiles * outputTiles) return;
    uint bandStart = group / (BAND * rowTiles) * BAND;
    uint bandWidth = min(BAND, outputTiles - bandStart);
    uint inBand = group - bandStart * rowTiles;
    uint firstRow = inBand / bandWidth * TILE_ROWS;
    uint firstOutput = (bandStart + inBand % bandWidth) * TILE_OUTPUTS;

    tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> rowLayout =
        createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
    rowLayout = setTensorLayoutDimensionNV(rowLayout, arguments.rows, arguments.channels);
    // A multiple of eight, so that loads are of 16 bytes.
    uint stride = arguments.channels / 8u * 8u;
    rowLayout = setTensorLayoutStrideNV(rowLayout, stride, 1u);
    tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> weightLayout =
        createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
#if defined(WEIGHT_f16)
    weightLayout = setTensorLayoutDimensionNV(weightLayout, arguments.outputs, arguments.channels);
    weightLayout = setTensorLayoutStrideNV(weightLayout, stride, 1u);
#define DECODE
#else
    weightLayout = setTensorLayoutBlockSizeNV(weightLayout, 1u, BLOCK);
    weightLayout = setTensorLayoutDimensionNV(weightLayout, arguments.outputs, arguments.channels);
    weightLayout = setTensorLayoutStrideNV(weightLayout, arguments.channels / BLOCK, 1u);
#define DECODE , decodeWeight
#endif
    // Weights are [outputs, channels] and multiplied as [channels, outputs].
    tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV(2, false, 1, 0);

    coopmat<float, gl_ScopeWorkgroup, TILE_ROWS, TILE_OUTPUTS, gl_MatrixUseAccumulator> sums =
        coopmat<float, gl_ScopeWorkgroup, TILE_ROWS, TILE_OUTPUTS, gl_MatrixUseAccumulator>(0.0);
    HalfArray x = HalfArray(uint64_t(arguments.x));
    [[dont_unroll]] for (uint channel = 0; channel < arguments.channels; channel += STEP) {
        coopmat<float16_t, gl_ScopeWorkgroup, TILE_ROWS, STEP, gl_MatrixUseA> left;
        coopmat<float16_t, gl_ScopeWorkgroup, STEP, TILE_OUTPUTS, gl_MatrixUseB> right;
        coopMatLoadTensorNV(left, x.elements, 0u, sliceTensorLayoutNV(rowLayout, firstRow, TILE_ROWS, channel, STEP));
        coopMatLoadTensorNV(
            right, WEIGHT_ARRAY, 0u, sliceTensorLayoutNV(weightLayout, firstOutput, TILE_OUTPUTS, channel, STEP), transposed DECODE);
        sums = coopMatMulAdd(left, right, sums);
    }
    coopMatPerElementNV(sums, sums, finishElement, firstRow, firstOutput);
}
