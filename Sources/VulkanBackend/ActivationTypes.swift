import Tensors

/// Which activations of a dispatch are f16, the others being f32: specialization constant 3 of every kernel (Shaders/common/arguments.glsl).
struct ActivationTypes {
    /// Bit 0 the operand, bit 1 the result, bits 2 and 3 a second and a third operand.
    let bits: UInt32

    /// One type for all.
    init(_ dtype: DType) { bits = dtype == .f16 ? 15 : 0 }

    /// - Parameter others: The types of further operands: the residual's where there is one, in the place of the second.
    init(_ operand: DType, to result: DType, _ others: DType?...) {
        bits = ([operand, result] + others).enumerated().reduce(0) { $0 | ($1.element == .f16 ? 1 : 0) << UInt32($1.offset) }
    }
}
