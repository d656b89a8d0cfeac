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
#include "common/weightPieces.glsl"
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
// Where an element lies is computed from its place in the product: the tensor layout only cuts it into chunks.
layout(buffer_reference, scalar, buffer_reference_align = 2) readonly buffer WeightArray { uint16_t elements[]; };
#define WEIGHT_ARRAY WeightArray(uint64_t(arguments.weight)).elements
const uint BLOCK = 32;

#define WEIGHT_WORD(index) WeightWords(arguments.weight)[AT(1u, index, 4u)].value

float16_t decodeWeight(const in WeightShorts unused, const in uint chunkPlace[2], const in uint place[2]) {
    uint chunk = chunkPlace[0] * (arguments.channels / 32u) + chunkPlace[1];
    uint half_ = place[1] / 16u;
    uint four = (place[1] / 4u) & 3u;
    // Bytes 0, 2, 1 and 3.
    uint shift = 16u * (place[1] & 1u) + 4u * (place[1] & 2u);
    uint words[PIECE_WORDS];
    FETCH_SCALE(words, arguments.weight, 1u, chunk, half_)
    vec2 scale = pieceScale(words, chunk);
#ifdef WEIGHT_IS_BYTES
    int integer = bitfieldExtract(int(WEIGHT_WORD(4u * integerUnit(chunk, half_) + four)), int(shift), 8);
#else
    uint number = (WEIGHT_WORD(4u * integerUnit(chunk, half_) + 2u * (chunk & 1u) + four / 2u) >> (shift + 4u * (four & 1u))) & 15u;
#if WEIGHT_HIGH_BITS == 1
    uint high = WEIGHT_WORD(4u * (groupUnit(chunk) + HIGH_UNIT) + 2u * groupLane(chunk, half_) + (chunk / 2u & 1u));
    number |= ((high >> (shift + 4u * (chunk & 1u) + four)) & 1u) << 4;
#elif WEIGHT_HIGH_BITS == 2
    uint high = WEIGHT_WORD(4u * (groupUnit(chunk) + HIGH_UNIT + groupLane(chunk, half_)) + (chunk & 3u));
    number |= ((high >> (shift + 2u * four)) & 3u) << 4;
#endif
    int integer = int(number) - WEIGHT_BIAS;
#endif
    return float16_t(scale.x * float(integer) + scale.y);
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
