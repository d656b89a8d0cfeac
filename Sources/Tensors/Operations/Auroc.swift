/// A validated ``Backend/aurocColumns(source:target:into:)``.
public struct AurocColumnsOperation {
    /// `[n, C]` f32, sorted.
    public let source: Tensor
    /// `[m, C]` f32, sorted.
    public let target: Tensor
    /// `[C]` f32.
    public let output: Tensor
}

extension Backend {
    /// The area under the receiver operating characteristic of each column, with the source as the positive class: the probability that a
    /// source sample exceeds a target sample, equal ones counting half (the Mann–Whitney U statistic over n·m).
    ///
    /// Counts are exact. −0 equals 0; NaN, which sorts last, equals NaN and exceeds every number.
    ///
    /// - Parameters:
    ///   - source: `[n, C]` f32, sorted per column, n ≥ 1.
    ///   - target: `[m, C]` f32, sorted per column, m ≥ 1.
    /// - Returns: `[C]` f32, in 0 ... 1.
    public func aurocColumns(source: Tensor, target: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "aurocColumns"
        try Validation.columns(source, target, name)
        let shape: Shape = [source.shape[1]]
        let result = try Validation.output(
            output, shape, .f32, self, name, reading: [.apart(source, "the source"), .apart(target, "the target")])
        if shape.count == 0 { return result }
        try aurocColumns(AurocColumnsOperation(source: source, target: target, output: result))
        return result
    }
}
