import Foundations
import Tensors

/// A fixed sample of the weights of every matrix of a model, each with the step of the type it is stored in: enough to tell whether two
/// files hold the same model, whatever their types.
///
/// Two files agree where every sampled value differs by no more than the two steps together. So a bf16 folder and its Q8_0 or Q4_1 copy
/// agree; another model, or one that was trained further, does not, unless its changes are within the steps. The coarser a file, the
/// less it can tell apart: a block of Q8_0 tells changes of 1/127 of its largest weight, one of 4 bits only of 1/8 to 1/15 of its range, so
/// that a light further training may pass for its origin.
public struct WeightSketch: Sendable, Equatable {
    /// A matrix's sample.
    public struct Matrix: Sendable, Equatable {
        /// The tensor's name in Hugging Face's implementation.
        public var name: String
        /// The sampled values, decoded.
        public var values: [Float]
        /// How far storing can have moved each value.
        public var steps: [Float]

        public init(name: String, values: [Float], steps: [Float]) {
            self.name = name
            self.values = values
            self.steps = steps
        }
    }

    /// A sampled weight on which two files do not agree.
    public struct Difference: Sendable, Equatable, CustomStringConvertible {
        public var matrix: String
        public var values: (Float, Float) { (first, second) }
        var first: Float
        var second: Float
        /// The two steps together.
        public var allowed: Float

        public var description: String {
            first.isNaN || second.isNaN
                ? "\(matrix) is not sampled in both"
                : "a weight of \(matrix) is \(first) in one and \(second) in the other, where their types allow a difference of \(allowed)"
        }
    }

    /// In the order of the model.
    public var matrices: [Matrix]

    public init(_ matrices: [Matrix]) { self.matrices = matrices }

    /// The values that are sampled from a matrix.
    public static let samples = 32

    /// Where a matrix is sampled, by row and column in Hugging Face's order: the same for matrices of the same extents.
    public static func places(rows: Int, columns: Int) -> [(row: Int, column: Int)] {
        var random = SeededGenerator(seed: UInt64(truncatingIfNeeded: rows) &* 0x1_0000_0001 &+ UInt64(truncatingIfNeeded: columns))
        return (0..<samples).map { _ in (Int.random(in: 0..<rows, using: &random), Int.random(in: 0..<columns, using: &random)) }
    }

    /// The first weight on which two files differ by more than their types explain; nil when they hold the same model as far as can be told.
    public func firstDifference(from other: WeightSketch) -> Difference? {
        for (a, b) in zip(matrices, other.matrices) {
            guard a.name == b.name, a.values.count == b.values.count else {
                return Difference(matrix: a.name, first: .nan, second: .nan, allowed: 0)
            }
            for index in a.values.indices {
                let allowed = a.steps[index] + b.steps[index]
                // Not a number differs from everything.
                if !(abs(a.values[index] - b.values[index]) <= allowed) {
                    return Difference(matrix: a.name, first: a.values[index], second: b.values[index], allowed: allowed)
                }
            }
        }
        guard matrices.count == other.matrices.count else {
            let longer = matrices.count > other.matrices.count ? matrices : other.matrices
            return Difference(matrix: longer[min(matrices.count, other.matrices.count)].name, first: .nan, second: .nan, allowed: 0)
        }
        return nil
    }
}
