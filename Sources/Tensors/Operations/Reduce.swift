/// How the elements along an axis become one.
public enum Reduction: String, Sendable, CaseIterable, Hashable {
    case mean, sum
    /// NaN where one is NaN.
    case max, min
}

/// A validated ``Backend/reduce(_:_:axes:keepsAxes:as:into:)``, over axes that are merged.
public struct ReduceOperation {
    /// f32 or f16, seen as `[outer, extent, inner]`.
    public let x: Tensor
    public let reduction: Reduction
    public let outer: Int
    /// At least 1.
    public let extent: Int
    public let inner: Int
    /// f32 or f16, seen as `[outer, inner]`.
    public let output: Tensor
}

extension Backend {
    /// The mean, sum, maximum or minimum along an axis: a mean over the tokens of `[batch, tokens, channels]` is
    /// `reduce(x, .mean, axis: 1)`.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - axis: Counted from the end when negative: −1 is the channels. It has at least one element.
    ///   - keepsAxis: Whether the axis stays, with an extent of 1, so that the result can be broadcast to x.
    ///   - dtype: f32 or f16, the type of the result; x's when nil. Sums are compensated or wider than f32, and rounded once.
    /// - Returns: x's shape without the axis.
    public func reduce(
        _ x: Tensor, _ reduction: Reduction, axis: Int, keepsAxis: Bool = false, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let axis = try Validation.axis(axis, of: x.shape, "reduce")
        return try reduce(x, reduction, axes: axis...axis, keepsAxes: keepsAxis, as: dtype, into: output)
    }

    /// The mean, sum, maximum or minimum over neighbouring axes: a mean over the pixels of `[batch, height, width, channels]` is
    /// `reduce(x, .mean, axes: 1...2)`.
    ///
    /// - Parameters:
    ///   - axes: Counted from the front.
    ///   - keepsAxes: Whether the axes stay, with extents of 1.
    /// - Returns: x's shape without the axes. The rest is as in ``reduce(_:_:axis:keepsAxis:as:into:)``.
    public func reduce(
        _ x: Tensor, _ reduction: Reduction, axes: ClosedRange<Int>, keepsAxes: Bool = false, as dtype: DType? = nil,
        into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "reduce"
        let dtype = dtype ?? x.dtype
        try Validation.requireActivation(x, "x", name)
        try Validation.requireActivation(dtype, name)
        try Validation.requireOption(
            axes.lowerBound >= 0 && axes.upperBound < x.shape.rank, name, "axes \(axes) of a tensor of shape \(x.shape)")
        let extents = x.shape.dimensions
        let before = Array(extents[..<axes.lowerBound])
        let after = Array(extents[(axes.upperBound + 1)...])
        let extent = extents[axes].reduce(1, *)
        let shape = Shape(before + (keepsAxes ? axes.map { _ in 1 } : []) + after)
        try Validation.require(
            extent > 0 || shape.count == 0, name, "axes \(axes) of x \(x.shape) have no elements to take the \(reduction) of")
        let result = try Validation.output(output, shape, dtype, self, name, reading: [.apart(x, "x")])
        if shape.count == 0 { return result }
        try reduce(
            ReduceOperation(
                x: x, reduction: reduction, outer: before.reduce(1, *), extent: extent, inner: after.reduce(1, *), output: result))
        return result
    }
}
