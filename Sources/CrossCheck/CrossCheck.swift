import Tensors

/// The registry of operations, and the comparison of one backend with another.
///
/// A candidate's every result is compared with the reference's under a derived tolerance; NaN and infinity where the reference has
/// none, elements that were not written, memory written around the output, and inputs that changed are failures.
public enum CrossCheck {
    /// Every operation of ``Backend``.
    public static let operations: [CheckedOperation] = [
        .activation, .add, .argmax, .attention, .broadcast, .cast, .clamp, .concat, .conv2d, .convTranspose2d, .embedding, .fitColumns,
        .gatedProduct, .gatherRows, .linear, .multiply, .multiplyAdd, .pad, .permute, .pool, .quantileColumns, .rmsNorm, .rope, .rotation,
        .sample, .scale, .scatterRows, .slice, .softmax, .sortColumns, .subtract, .timestepEmbedding, .topK, .transport, .upsample,
    ]

    /// Runs cases `0 ..< cases` of an operation.
    /// - Parameters:
    ///   - cases: nil for the operation's own number.
    ///   - matrixInputs: The precision the candidate multiplies matrices in; nil for what it says.
    /// - Throws: What the reference throws; a candidate's error is a failure in the report.
    public static func run(
        operation: CheckedOperation, cases: Int? = nil, seed: UInt64, candidate: any Backend, reference: any Backend,
        matrixInputs: MatrixInputs? = nil
    ) throws -> CheckReport {
        try run(
            operation: operation, cases: 0..<(cases ?? operation.defaultCases), seed: seed, candidate: candidate,
            reference: reference, matrixInputs: matrixInputs)
    }

    /// Runs the given cases of an operation: those of a failure, for example.
    public static func run(
        operation: CheckedOperation, cases: Range<Int>, seed: UInt64, candidate: any Backend, reference: any Backend,
        matrixInputs: MatrixInputs? = nil
    ) throws -> CheckReport {
        var report = CheckReport(operation: operation.name, candidate: candidate.name, reference: reference.name, seed: seed)
        for index in cases {
            var generator = CheckGenerator(seed: seed, operation: operation.name, caseIndex: index)
            let checkCase = operation.makeCase(index, &generator, CheckOptions(matrixInputs: matrixInputs ?? candidate.matrixInputs))
            report.cases += 1
            func fail(_ detail: String) {
                report.failures.append(
                    CheckFailure(
                        operation: operation.name, seed: seed, caseIndex: index, shapes: checkCase.shapes, detail: detail))
            }

            let referenceDevice = CheckDevice(reference)
            let expected = try checkCase.compute(referenceDevice)
            let tolerances = try checkCase.tolerances(referenceDevice, expected)

            let candidateDevice = CheckDevice(candidate)
            let actual: [CheckOutput]
            do {
                actual = try checkCase.compute(candidateDevice)
                try candidate.synchronize()
                try candidateDevice.inspectTraps()
            } catch {
                fail("\(error)")
                // Nothing that follows can succeed on a device that is gone.
                if case TensorError.deviceLost = error { return report }
                continue
            }
            candidateDevice.violations.forEach(fail)
            checkCase.properties(actual).forEach(fail)
            for (output, (pair, tolerance)) in zip(zip(actual, expected), tolerances).enumerated() {
                let comparison = Comparison(actual: pair.0, expected: pair.1, tolerance: tolerance)
                if let mismatch = comparison.mismatch { fail(actual.count > 1 ? "output \(output), \(mismatch)" : mismatch) }
                if comparison.worstRatio > report.worstRatio {
                    report.worstRatio = comparison.worstRatio
                    report.worstCase = checkCase.shapes
                }
            }
        }
        return report
    }
}

/// The comparison of one output, element by element.
struct Comparison {
    /// The largest error over its tolerance; the largest finite number for a difference where there must be none.
    private(set) var worstRatio = 0.0
    /// The first element out of tolerance, with the number of such elements.
    private(set) var mismatch: String?

    init(actual: CheckOutput, expected: CheckOutput, tolerance: [Double]) {
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
        default: mismatch = "has another type than that of the reference"
        }
    }

    /// The error over the tolerance, 0 for equal bits, NaN with NaN, and equal infinities.
    private static func ratio(_ actual: Float, _ expected: Float, _ tolerance: Double) -> Double {
        if actual.bitPattern == expected.bitPattern || (actual.isNaN && expected.isNaN) { return 0 }
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
}
