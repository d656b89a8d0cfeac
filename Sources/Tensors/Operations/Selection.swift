/// A validated ``Backend/argmax(_:into:)``.
public struct ArgmaxOperation {
    /// `[…, V]` f32 or f16.
    public let x: Tensor
    /// `[…]` i32.
    public let output: Tensor
}

/// A validated ``Backend/topK(_:count:)``.
public struct TopKOperation {
    /// `[…, V]` f32 or f16.
    public let x: Tensor
    public let count: Int
    /// `[…, count]` f32, descending.
    public let values: Tensor
    /// `[…, count]` i32.
    public let indices: Tensor
}

extension Validation {
    /// Checks that a tensor is an activation of rows with something in them.
    /// - Parameter most: The most elements of a row.
    static func requireRowsToChooseFrom(_ x: Tensor, most: Int = .max, _ operation: String) throws {
        try requireActivation(x, "x", operation)
        let limit = most == .max ? "" : " of up to \(most)"
        try require(
            x.shape.rank >= 1 && x.shape.channels >= 1 && x.shape.channels <= most, operation,
            "x has shape \(x.shape), expected […, values]\(limit)")
    }
}

extension Backend {
    /// The index of the largest element along the last axis; the lowest of equal ones. NaN counts as −∞.
    /// - Parameter x: `[…, V]` f32 or f16, V ≥ 1.
    /// - Returns: `[…]` i32: x's shape without its last axis.
    public func argmax(_ x: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "argmax"
        try Validation.requireRowsToChooseFrom(x, name)
        let shape = Shape(Array(x.shape.dimensions.dropLast()))
        let result = try Validation.output(output, shape, .i32, self, name, reading: [.apart(x, "x")])
        if x.shape.count == 0 { return result }
        try argmax(ArgmaxOperation(x: x, output: result))
        return result
    }

    /// The `count` largest elements along the last axis, descending; of equal ones the lower index first. NaN counts as, and is
    /// reported as, −∞; −0 keeps its sign and equals +0.
    /// - Parameters:
    ///   - x: `[…, V]` f32 or f16.
    ///   - count: From 1 to V.
    ///   - output: Where to write values and indices, which lie apart.
    /// - Returns: values `[…, count]` f32 and indices `[…, count]` i32.
    public func topK(
        _ x: Tensor, count: Int, into output: (values: Tensor, indices: Tensor)? = nil
    ) throws -> (values: Tensor, indices: Tensor) {
        let name = "topK"
        try Validation.requireRowsToChooseFrom(x, name)
        try Validation.requireOption((1...x.shape.channels).contains(count), name, "count is \(count), expected 1 … \(x.shape.channels)")
        let shape = x.shape.replacingChannels(with: count)
        let values = try Validation.output(output?.values, shape, .f32, self, name, reading: [.apart(x, "x")])
        let indices = try Validation.output(
            output?.indices, shape, .i32, self, name, reading: [.apart(x, "x"), .apart(values, "the values")])
        if shape.count == 0 { return (values, indices) }
        try topK(TopKOperation(x: x, count: count, values: values, indices: indices))
        return (values, indices)
    }
}
