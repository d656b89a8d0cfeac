/// A case in which a candidate went wrong, and how to see it again.
public struct CheckFailure: Codable, Sendable, Equatable, CustomStringConvertible {
    public let operation: String
    public let seed: UInt64
    public let caseIndex: Int
    /// The shapes, types and options of the case.
    public let shapes: String
    /// What was wrong: the element and both values, or the error.
    public let detail: String

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
    public internal(set) var failures: [CheckFailure] = []
    /// The largest error over its tolerance: at most 1 in a report without failures.
    public internal(set) var worstRatio = 0.0
    /// The case of the largest error, by its shapes; empty when all results are exact.
    public internal(set) var worstCase = ""

    public var passed: Bool { failures.isEmpty }
}
