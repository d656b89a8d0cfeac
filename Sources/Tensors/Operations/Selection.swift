/// A validated ``Backend/argmax(_:into:)``.
public struct ArgmaxOperation {
    /// `[rows, V]` f32 or f16.
    public let x: Tensor
    /// `[rows]` i32.
    public let output: Tensor
}

/// A validated ``Backend/topK(_:count:)``.
public struct TopKOperation {
    /// `[rows, V]` f32 or f16.
    public let x: Tensor
    public let count: Int
    /// `[rows, count]` f32, descending.
    public let values: Tensor
    /// `[rows, count]` i32.
    public let indices: Tensor
}

extension Validation {
    /// Checks that a tensor is an activation of rows with something in them.
    /// - Parameter most: The most elements of a row.
    static func requireRowsToChooseFrom(_ x: Tensor, most: Int = .max, _ operation: String) throws {
        try requireActivation(x, "x", operation)
        let limit = most == .max ? "" : " of up to \(most)"
        try require(
            x.shape.rank == 2 && x.shape[1] >= 1 && x.shape[1] <= most, operation,
            "x has shape \(x.shape), expected [rows, values]\(limit)")
    }
}

extension Backend {
    /// The index of the largest element of each row; the lowest of equal ones. NaN counts as −∞.
    /// - Parameter x: `[rows, V]` f32 or f16, V ≥ 1.
    /// - Returns: `[rows]` i32.
    public func argmax(_ x: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "argmax"
        try Validation.requireRowsToChooseFrom(x, name)
        let result = try Validation.output(output, [x.shape[0]], .i32, self, name)
        if x.shape.count == 0 { return result }
        try argmax(ArgmaxOperation(x: x, output: result))
        return result
    }

    /// The `count` largest elements of each row, descending; of equal ones the lower index first. NaN counts as, and is
    /// reported as, −∞; −0 keeps its sign and equals +0.
    /// - Parameters:
    ///   - x: `[rows, V]` f32 or f16.
    ///   - count: From 1 to min(V, 256).
    /// - Returns: values `[rows, count]` f32 and indices `[rows, count]` i32.
    public func topK(_ x: Tensor, count: Int) throws -> (values: Tensor, indices: Tensor) {
        let name = "topK"
        try Validation.requireRowsToChooseFrom(x, name)
        try Validation.requireOption(
            count >= 1 && count <= min(x.shape[1], 256), name, "count is \(count), expected 1 ... \(min(x.shape[1], 256))")
        let shape: Shape = [x.shape[0], count]
        let values = try allocate(shape, .f32)
        let indices = try allocate(shape, .i32)
        if shape.count == 0 { return (values, indices) }
        try topK(TopKOperation(x: x, count: count, values: values, indices: indices))
        return (values, indices)
    }
}
