import Tensors

/// The registry of operations, and the comparison of one backend with another.
///
/// A candidate's every result is compared with the reference's under a derived tolerance; NaN and infinity where the reference has
/// none, elements that were not written, memory written around the output, and inputs that changed are failures.
///
/// A candidate of ``ProductPrecision/fast`` is held against a reference of the same precision, which rounds activations alike and multiplies
/// them exactly, or against an exact one: the tolerance then holds what rounding may do.
public enum CrossCheck {
    /// Every operation of ``Backend``.
    public static let operations: [CheckedOperation] = [
        .activation, .add, .argmax, .attention, .aurocColumns, .broadcast, .cast, .clamp, .concat, .conv2d, .convTranspose2d,
        .embedding, .fitColumns, .gatedLinear, .gatedProduct, .gatherRows, .groupNorm, .layerNorm, .linear, .linears, .multiply,
        .multiplyAdd, .pad,
        .permute, .pool, .quantileColumns, .reduce, .rmsNorm, .rope, .rotateAndStore, .rotation, .sample, .scale, .scatterRows, .slice,
        .softmax,
        .storeKeys,
        .sortColumns, .subtract, .timestepEmbedding, .topK, .transport, .gatedTransport,
        .clusterTransport, .upsample,
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

    /// Whether a case is also run with its inputs in the memory of its outputs: a few of each operation, not the first, which is empty.
    static func triesAliasing(_ index: Int) -> Bool { index % 16 == 1 || index % 16 == 6 }

    /// Runs the given cases of an operation: those of a failure, for example.
    public static func run(
        operation: CheckedOperation, cases: Range<Int>, seed: UInt64, candidate: any Backend, reference: any Backend,
        matrixInputs: MatrixInputs? = nil
    ) throws -> CheckReport {
        let matrixInputs = matrixInputs ?? candidate.matrixInputs
        let options = CheckOptions(
            matrixInputs: matrixInputs, referencePrecision: reference.precision,
            rounds: { candidate.roundsActivations(rows: $0, channels: $1, weight: $2) })
        var report = CheckReport(operation: operation.name, candidate: candidate.name, reference: reference.name, seed: seed)
        for index in cases {
            var generator = CheckGenerator(seed: seed, operation: operation.name, caseIndex: index)
            let checkCase = operation.makeCase(index, &generator, options)
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
            func comparisons(_ actual: [CheckOutput], _ device: CheckDevice) -> [(comparison: Comparison, dtype: DType)] {
                zip(zip(actual, expected), tolerances).enumerated().map { output, pair in
                    let dtype = device.outputTypes[output]
                    return (
                        Comparison(
                            actual: pair.0.0, expected: pair.0.1, tolerance: pair.1,
                            largestError: Comparison.largestNormalisedError(dtype, matrixInputs)), dtype
                    )
                }
            }
            for (output, (comparison, dtype)) in comparisons(actual, candidateDevice).enumerated() {
                if let mismatch = comparison.mismatch { fail(actual.count > 1 ? "output \(output), \(mismatch)" : mismatch) }
                report.note(comparison, dtype, checkCase.shapes)
            }
            if Self.triesAliasing(index) {
                let tried = checkCase.aliasingFailures(candidateDevice.memory, on: candidate) { actual, device in
                    comparisons(actual, device).lazy.compactMap(\.comparison.mismatch).first
                }
                report.aliasings += tried.runs
                tried.failures.forEach(fail)
            }
        }
        return report
    }
}
