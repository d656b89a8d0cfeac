import Tensors

/// A case in which a candidate went wrong, and how to see it again.
public struct CheckFailure: Codable, Sendable, Equatable, CustomStringConvertible {
    public let operation: String
    public let seed: UInt64
    public let caseIndex: Int
    /// The shapes, types and options of the case.
    public let shapes: String
    /// What was wrong: the element and both values, or the error.
    public let detail: String

    package init(operation: String, seed: UInt64, caseIndex: Int, shapes: String, detail: String) {
        (self.operation, self.seed, self.caseIndex, self.shapes, self.detail) = (operation, seed, caseIndex, shapes, detail)
    }

    public var description: String { "\(operation), case \(caseIndex) of seed \(seed) (\(shapes)): \(detail)" }
}

/// What the cases of one operation gave.
public struct CheckReport: Codable, Sendable, Equatable {
    public let operation: String
    public let candidate: String
    public let reference: String
    public let seed: UInt64
    /// The number of cases that were run.
    public internal(set) var cases = 0
    /// The runs with inputs in the memory of outputs among them.
    public internal(set) var aliasings = 0
    public internal(set) var failures: [CheckFailure] = []
    /// The largest error over its tolerance: at most 1 in a report without failures.
    public internal(set) var worstRatio = 0.0
    /// The case of the largest error, by its shapes; empty when all results are exact.
    public internal(set) var worstCase = ""
    /// The largest normalised mean squared error Σ(y − ŷ)² / Σŷ² of an f32 output, and of an f16 output.
    public internal(set) var normalisedError = 0.0
    public internal(set) var halfNormalisedError = 0.0

    public var passed: Bool { failures.isEmpty }

    mutating func note(_ comparison: Comparison, _ dtype: DType, _ shapes: String) {
        if comparison.worstRatio > worstRatio {
            worstRatio = comparison.worstRatio
            worstCase = shapes
        }
        guard let error = comparison.normalisedError else { return }
        if dtype == .f16 {
            halfNormalisedError = max(halfNormalisedError, error)
        } else {
            normalisedError = max(normalisedError, error)
        }
    }
}
