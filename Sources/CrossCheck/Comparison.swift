import Tensors

/// The comparison of one output, element by element and as a whole.
package struct Comparison {
    /// The largest error over its tolerance; the largest finite number for a difference where there must be none.
    package private(set) var worstRatio = 0.0
    /// What is wrong: the first element out of tolerance with the number of such elements, or the error as a whole.
    package private(set) var mismatch: String?
    /// Σ(y − ŷ)² / Σŷ² over the finite elements of the reference, nil for an output of integers or zeros.
    package private(set) var normalisedError: Double?

    /// The largest normalised mean squared error of an output of a type. f32 kernels are far below: 10⁻⁷ each is 10⁻¹⁴. One rounding to f16
    /// is up to 2⁻¹¹ of an element, 2.4·10⁻⁷ as a square.
    static func largestNormalisedError(_ dtype: DType, _ matrixInputs: MatrixInputs) -> Double {
        dtype == .f16 || matrixInputs == .half ? 1e-6 : 1e-10
    }

    /// - Parameters:
    ///   - tolerance: For each element of floats.
    ///   - largestError: The bound on the normalised error. Where sums cancel, an output is small beside what was summed, and no bound
    ///     relative to the output can hold; the error is then held against the tolerances instead. They bound the worst element: the
    ///     root mean square over an output is at most half of theirs. All of it where fewer than 16 elements carry the bound, as where one
    ///     lies at an edge of a support: rounding decides whether it is moved, and its error is nothing or nearly its whole tolerance.
    package init(actual: CheckOutput, expected: CheckOutput, tolerance: [Double], largestError: Double) {
        switch (actual, expected) {
        case (.integers(let actual), .integers(let expected)):
            compare(actual.count, expected.count) {
                actual[$0] == expected[$0] ? 0 : .greatestFiniteMagnitude
            } describe: {
                "\(actual[$0]), the reference \(expected[$0])"
            }
        case (.floats(let actual), .floats(let expected)):
            precondition(tolerance.count == expected.count, "each element has a tolerance")
            compare(actual.count, expected.count) {
                Self.ratio(actual[$0], expected[$0], tolerance[$0])
            } describe: {
                "\(actual[$0]), the reference \(expected[$0]), tolerance \(tolerance[$0])"
            }
            if mismatch == nil { compareWhole(actual, expected, tolerance, largestError) }
        default: mismatch = "has another type than that of the reference"
        }
    }

    /// The error over the tolerance, 0 for equal bits, NaN with NaN, equal infinities, and what is undetermined.
    private static func ratio(_ actual: Float, _ expected: Float, _ tolerance: Double) -> Double {
        if actual.bitPattern == expected.bitPattern || (actual.isNaN && expected.isNaN) || tolerance == RoundOff.undetermined { return 0 }
        guard tolerance > 0, tolerance.isFinite, actual.isFinite, expected.isFinite else { return .greatestFiniteMagnitude }
        return min(abs(Double(actual) - Double(expected)) / tolerance, .greatestFiniteMagnitude)
    }

    private mutating func compare(
        _ actualCount: Int, _ expectedCount: Int, ratio: (Int) -> Double, describe: (Int) -> String
    ) {
        guard actualCount == expectedCount else {
            mismatch = "\(actualCount) elements, the reference has \(expectedCount)"
            return
        }
        var wrong = 0
        var first: Int?
        for index in 0..<actualCount {
            let ratio = ratio(index)
            worstRatio = max(worstRatio, ratio)
            if ratio > 1 {
                wrong += 1
                first = first ?? index
            }
        }
        if let first { mismatch = "element \(first) is \(describe(first)); \(wrong) of \(actualCount) elements are wrong" }
    }

    private mutating func compareWhole(_ actual: [Float], _ expected: [Float], _ tolerance: [Double], _ largestError: Double) {
        var (errors, squares, bounds, fourths) = (0.0, 0.0, 0.0, 0.0)
        for index in expected.indices where expected[index].isFinite && tolerance[index] != RoundOff.undetermined {
            let (value, error) = (Double(expected[index]), Double(actual[index]) - Double(expected[index]))
            errors += error * error
            squares += value * value
            let bound = tolerance[index] * tolerance[index]
            bounds += bound
            fourths += bound * bound
        }
        guard squares > 0 else { return }
        normalisedError = errors / squares
        // (Σt²)² / Σt⁴: n for n equal tolerances, near 1 where one is far above the others.
        let carriers = fourths > 0 ? bounds * bounds / fourths : 0
        let limit = max(largestError, bounds / squares / (carriers < 16 ? 1 : 4))
        if errors / squares > limit {
            mismatch = "the normalised mean squared error is \(errors / squares), expected at most \(limit)"
        }
    }
}
