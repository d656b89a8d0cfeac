/// How the rows of a sequence become one sample.
public enum Pooling: String, Sendable, CaseIterable, Hashable {
    case mean, max, min
    /// The middle value per channel; the mean of the two middle values of an even number.
    case median
    /// The last row.
    case last
}

/// A validated ``Backend/pool(_:starts:counts:maximumCount:pooling:into:)``.
public struct PoolOperation {
    /// `[rows, C]` f32 or f16.
    public let x: Tensor
    /// `[S]` i32.
    public let starts: Tensor
    /// `[S]` i32.
    public let counts: Tensor
    /// At least the largest count.
    public let maximumCount: Int
    public let pooling: Pooling
    /// `[S, C]` f32.
    public let output: Tensor
}

extension Backend {
    /// One row a sequence: the rows `starts[s] ..< starts[s] + counts[s]` pooled per channel. An empty sequence gives zeros; mean, max and
    /// min are NaN where one value is, and a median counts NaN as larger than every number.
    ///
    /// - Parameters:
    ///   - x: `[rows, C]` f32 or f16. Pixels are rows, too: an image batch `[B, H, W, C]` is `[B·H·W, C]` with starts b·H·W.
    ///   - starts: `[S]` i32.
    ///   - counts: `[S]` i32.
    ///   - maximumCount: At least the largest of `counts`.
    /// - Returns: `[S, C]` f32, whatever x is: samples of a fit.
    public func pool(
        _ x: Tensor, starts: Tensor, counts: Tensor, maximumCount: Int, pooling: Pooling, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "pool"
        try Validation.requireActivation(x, "x", name)
        try Validation.requireType(starts, .i32, "the starts", name)
        try Validation.requireType(counts, .i32, "the counts", name)
        try Validation.require(x.shape.rank == 2, name, "x has shape \(x.shape), expected [rows, channels]")
        try Validation.require(
            starts.shape.rank == 1 && starts.shape == counts.shape, name,
            "starts \(starts.shape) and counts \(counts.shape), expected the same [sequences]")
        let shape: Shape = [starts.shape[0], x.shape[1]]
        let result = try Validation.output(
            output, shape, .f32, self, name, reading: [.apart(x, "x"), .apart(starts, "the starts"), .apart(counts, "the counts")])
        if shape.count == 0 { return result }
        try pool(
            PoolOperation(x: x, starts: starts, counts: counts, maximumCount: maximumCount, pooling: pooling, output: result))
        return result
    }
}
