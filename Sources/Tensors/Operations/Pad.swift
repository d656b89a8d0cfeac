/// What lies outside of a tensor that is padded.
public enum Padding: Sendable, Hashable {
    /// One value.
    case constant(Float)
    /// The tensor mirrored at its first and last element, which are not repeated: `c b | a b c | b a`.
    case reflect
    /// The first and last element again: `a a | a b c | c c`.
    case replicate
}

/// A validated ``Backend/pad(_:_:with:into:)``, over axes that are merged where they can be.
public struct PadOperation {
    /// f32 or f16.
    public let x: Tensor
    public let padding: Padding
    /// Of x's type.
    public let output: Tensor
    /// The extents of x, outermost axis first; at least one axis, and at most ``StridedWalk/mostAxes``.
    public let extents: [Int]
    /// The elements in front of those of x along each axis; negative where x is cut.
    public let before: [Int]
    /// The extents of the output.
    public let outputExtents: [Int]
}

extension Backend {
    /// A tensor with more elements before and after it (PyTorch's `pad`).
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - amounts: For each axis the elements before and after it; negative ones cut elements off. A missing axis at the *front* stays as
    ///     it is, so that `[(0, 1), (0, 1), (0, 0)]` pads the bottom and the right of `[B, H, W, C]`.
    ///   - padding: What the new elements are. For ``Padding/reflect`` an amount is less than the extent; for
    ///     ``Padding/reflect`` and ``Padding/replicate`` the extent is not 0, and amounts are not negative.
    /// - Returns: Of x's type. Every bit is kept; the constant is rounded to the type.
    public func pad(
        _ x: Tensor, _ amounts: [(before: Int, after: Int)], with padding: Padding = .constant(0), into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "pad"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(amounts.count <= x.shape.rank, name, "\(amounts.count) axes are padded of x \(x.shape)")
        let all = [(before: Int, after: Int)](repeating: (0, 0), count: x.shape.rank - amounts.count) + amounts
        for (axis, amount) in all.enumerated() where amount != (0, 0) {
            let extent = x.shape[axis]
            func require(_ condition: Bool) throws {
                try Validation.requireOption(
                    condition, name, "\(amount.before) before and \(amount.after) after axis \(axis) of x \(x.shape) (\(padding))")
            }
            switch padding {
            // An axis may be cut from one side up to where the other's padding begins.
            case .constant: try require(extent + min(amount.before, 0) + min(amount.after, 0) >= 0)
            case .reflect: try require((0..<extent).contains(amount.before) && (0..<extent).contains(amount.after))
            case .replicate: try require(extent > 0 && amount.before >= 0 && amount.after >= 0)
            }
        }
        let shape = Shape(zip(x.shape.dimensions, all).map { $0 + $1.before + $1.after })
        let result = try Validation.output(output, shape, x.dtype, self, name, reading: [.apart(x, "x")])
        if shape.count == 0 { return result }

        // Axes that are not padded are one with their neighbours that are not.
        var axes: [(extent: Int, before: Int, output: Int)] = []
        for (extent, amount) in zip(x.shape.dimensions, all) where extent != 1 || amount != (0, 0) {
            let isWhole = amount == (0, 0)
            if isWhole, let last = axes.last, last.before == 0, last.output == last.extent {
                axes[axes.count - 1] = (last.extent * extent, 0, last.extent * extent)
            } else {
                axes.append((extent, amount.before, extent + amount.before + amount.after))
            }
        }
        if axes.isEmpty { axes = [(1, 0, 1)] }
        try Validation.requireOption(
            axes.count <= StridedWalk.mostAxes, name, "more than \(StridedWalk.mostAxes) axes of x \(x.shape) cannot be merged")
        try pad(
            PadOperation(
                x: x, padding: padding, output: result, extents: axes.map(\.extent), before: axes.map(\.before),
                outputExtents: axes.map(\.output)))
        return result
    }
}
