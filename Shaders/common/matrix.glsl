// Products of small matrices, each by a whole subgroup: the layer between a kernel's tiling and what multiplies.
//
// A kernel declares variants MATRIX = …, one of
//   khr        tensor cores, by GL_KHR_cooperative_matrix;
//   emulated   plain arithmetic, so that a device without them runs, and checks, everything around the product;
// its own specialization constants from MATRIX_CONSTANT + 4 on, and, after including this file, the shared memory the layer works on:
//   shared f16vec4 operands[…];   what is multiplied
//   shared float stage[…];        what sums are stored to
// Offsets and strides into `operands` count vectors of four elements.
//
//   LOAD_LEFT(fragment, offset, stride)      FRAGMENT_ROWS × FRAGMENT_DEPTH, a row after the other
//   LOAD_RIGHT(fragment, offset, stride)     FRAGMENT_DEPTH × FRAGMENT_COLUMNS, a column after the other
//   LOAD_RIGHT_ROWS(fragment, offset, stride)   the same, a row after the other
//   MULTIPLY_ADD(sum, left, right)           sum += left · right, in f32
//   CLEAR_SUM(sum)
//   SCALE_SUM_ROWS(sum, offset)              row i of the sum times stage[offset + i]
//   STORE_SUM(sums, count, index, offset, stride)   sums[index] to `stage`, a row after the other
//
// Every subgroup calls them together, with the same arguments in all lanes.
#pragma once
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#if defined(MATRIX_khr)
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#endif

// The first of this file's specialization constants, before which a kernel may have some of its own.
#ifndef MATRIX_CONSTANT
#define MATRIX_CONSTANT 4
#endif
// The lanes of a subgroup, and the shape of one product of the device.
layout(constant_id = MATRIX_CONSTANT) const uint LANES = 8;
layout(constant_id = MATRIX_CONSTANT + 1) const uint FRAGMENT_ROWS = 16;
layout(constant_id = MATRIX_CONSTANT + 2) const uint FRAGMENT_COLUMNS = 16;
layout(constant_id = MATRIX_CONSTANT + 3) const uint FRAGMENT_DEPTH = 16;

#if defined(MATRIX_khr)

// What is kept in registers is indexed by constants only: loops over fragments and pieces are unrolled.
#define FRAGMENT_LOOP [[unroll]]

#define LEFT_FRAGMENT coopmat<float16_t, gl_ScopeSubgroup, FRAGMENT_ROWS, FRAGMENT_DEPTH, gl_MatrixUseA>
#define RIGHT_FRAGMENT coopmat<float16_t, gl_ScopeSubgroup, FRAGMENT_DEPTH, FRAGMENT_COLUMNS, gl_MatrixUseB>
#define SUM_FRAGMENT coopmat<float, gl_ScopeSubgroup, FRAGMENT_ROWS, FRAGMENT_COLUMNS, gl_MatrixUseAccumulator>

#define LOAD_LEFT(fragment, offset, stride) coopMatLoad(fragment, operands, offset, stride, gl_CooperativeMatrixLayoutRowMajor);
#define LOAD_RIGHT(fragment, offset, stride) coopMatLoad(fragment, operands, offset, stride, gl_CooperativeMatrixLayoutColumnMajor);
#define LOAD_RIGHT_ROWS(fragment, offset, stride) coopMatLoad(fragment, operands, offset, stride, gl_CooperativeMatrixLayoutRowMajor);
#define MULTIPLY_ADD(sum, left, right) sum = coopMatMulAdd(left, right, sum);
#define CLEAR_SUM(sum) sum = SUM_FRAGMENT(0.0);
// With a stride of 0 every column is the same.
#define SCALE_SUM_ROWS(sum, offset) \
    { \
        SUM_FRAGMENT factors_; \
        coopMatLoad(factors_, stage, offset, 0u, gl_CooperativeMatrixLayoutColumnMajor); \
        sum = sum * factors_; \
    }
#define STORE_SUM(sums, count, index, offset, stride) \
    [[unroll]] for (uint choice_ = 0; choice_ < (count); choice_++) { \
        if (choice_ == (index)) coopMatStore(sums[choice_], stage, offset, stride, gl_CooperativeMatrixLayoutRowMajor); \
    }

#elif defined(MATRIX_emulated)

// A lane holds one column or several, and all rows or every so many, of a sum; operands stay where they are.
const uint LANE_COLUMNS = FRAGMENT_COLUMNS > LANES ? FRAGMENT_COLUMNS / LANES : 1u;
const uint ROW_STEP = LANES > FRAGMENT_COLUMNS ? LANES / FRAGMENT_COLUMNS : 1u;
const uint LANE_ROWS = FRAGMENT_ROWS / ROW_STEP;

struct OperandPlace {
    uint offset;
    uint stride;
    // Whether elements of a row, and not those of a column, lie side by side.
    bool byRows;
};
struct SumElements {
    float elements[LANE_ROWS * LANE_COLUMNS];
};

// Here what counts is how long a pipeline takes to compile.
#define FRAGMENT_LOOP [[dont_unroll]]

#define LEFT_FRAGMENT OperandPlace
#define RIGHT_FRAGMENT OperandPlace
#define SUM_FRAGMENT SumElements

uint laneRow(uint i) { return i * ROW_STEP + gl_SubgroupInvocationID / FRAGMENT_COLUMNS; }
uint laneColumn(uint j) { return gl_SubgroupInvocationID % FRAGMENT_COLUMNS + j * LANES; }

#define LOAD_LEFT(fragment, offset, stride) fragment = OperandPlace(offset, stride, true);
#define LOAD_RIGHT(fragment, offset, stride) fragment = OperandPlace(offset, stride, false);
#define LOAD_RIGHT_ROWS(fragment, offset, stride) fragment = OperandPlace(offset, stride, true);

// Elements 4·four ..< 4·four + 4 of a column of the right operand.
#define RIGHT_FOUR(right, four, column) \
    ((right).byRows \
        ? vec4(operands[(right).offset + (4u * (four)) * (right).stride + (column) / 4u][(column) & 3u], \
            operands[(right).offset + (4u * (four) + 1u) * (right).stride + (column) / 4u][(column) & 3u], \
            operands[(right).offset + (4u * (four) + 2u) * (right).stride + (column) / 4u][(column) & 3u], \
            operands[(right).offset + (4u * (four) + 3u) * (right).stride + (column) / 4u][(column) & 3u]) \
        : vec4(operands[(right).offset + (column) * (right).stride + (four)]))

#define MULTIPLY_ADD(sum, left, right) \
    [[dont_unroll]] for (uint four_ = 0; four_ < FRAGMENT_DEPTH / 4u; four_++) { \
        vec4 columns_[LANE_COLUMNS]; \
        [[unroll]] for (uint j_ = 0; j_ < LANE_COLUMNS; j_++) columns_[j_] = RIGHT_FOUR(right, four_, laneColumn(j_)); \
        [[unroll]] for (uint i_ = 0; i_ < LANE_ROWS; i_++) { \
            vec4 row_ = vec4(operands[(left).offset + laneRow(i_) * (left).stride + four_]); \
            [[unroll]] for (uint j_ = 0; j_ < LANE_COLUMNS; j_++) sum.elements[i_ * LANE_COLUMNS + j_] += dot(row_, columns_[j_]); \
        } \
    }
#define CLEAR_SUM(sum) \
    [[unroll]] for (uint i_ = 0; i_ < LANE_ROWS * LANE_COLUMNS; i_++) sum.elements[i_] = 0.0;
#define SCALE_SUM_ROWS(sum, offset) \
    [[unroll]] for (uint i_ = 0; i_ < LANE_ROWS; i_++) { \
        float factor_ = stage[(offset) + laneRow(i_)]; \
        [[unroll]] for (uint j_ = 0; j_ < LANE_COLUMNS; j_++) sum.elements[i_ * LANE_COLUMNS + j_] *= factor_; \
    }
#define STORE_SUM(sums, count, index, offset, stride) \
    [[unroll]] for (uint i_ = 0; i_ < LANE_ROWS; i_++) { \
        [[unroll]] for (uint j_ = 0; j_ < LANE_COLUMNS; j_++) { \
            stage[(offset) + laneRow(i_) * (stride) + laneColumn(j_)] = sums[index].elements[i_ * LANE_COLUMNS + j_]; \
        } \
    }

#else
#error the variant MATRIX is none of khr and emulated
#endif
