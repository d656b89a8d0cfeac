import CPUBackend
import CrossCheck
import Foundation
import Tensors
import Testing

/// The registry finds what it is there to find.
@Suite struct RegistryTests {
    private static let seed: UInt64 = 20_250_601

    private static func operation(_ name: String) throws -> CheckedOperation {
        try #require(CrossCheck.operations.first { $0.name == name })
    }

    private static func report(_ name: String, of candidate: any Backend, cases: Int? = nil) throws -> CheckReport {
        try CrossCheck.run(
            operation: operation(name), cases: cases, seed: seed, candidate: candidate, reference: ReferenceBackend())
    }

    @Test func everyOperationIsListedOnce() {
        let names = CrossCheck.operations.map(\.name)
        #expect(
            names.sorted() == [
                "activation", "add", "argmax", "attention", "aurocColumns", "broadcast", "cast", "clamp", "clusterTransport", "concat",
                "conv2d",
                "convTranspose2d", "embedding", "fitColumns", "gatedLinear", "gatedProduct", "gatedTransport", "gatherRows", "groupNorm",
                "layerNorm",
                "linear",
                "linears", "multiply", "multiplyAdd", "pad", "permute", "pool", "quantileColumns", "reduce", "rmsNorm", "rope",
                "rotateAndStore", "rotation", "sample", "scale", "scatterRows", "slice", "softmax", "sortColumns", "storeKeys", "subtract",
                "timestepEmbedding", "topK",
                "transport",
                "upsample",
            ])
        for operation in CrossCheck.operations {
            #expect(!operation.summary.isEmpty && !operation.tolerance.isEmpty && operation.defaultCases >= 30)
        }
    }

    /// With the sharpest comparison: what is the same to the bit passes.
    @Test(arguments: CrossCheck.operations.map(\.name))
    func theReferenceEqualsItself(_ name: String) throws {
        let report = try Self.report(name, of: ReferenceBackend())
        #expect(report.failures == [])
        #expect(report.worstRatio == 0)
        #expect(report.aliasings > 0, "inputs in the memory of outputs")
        #expect(try report.cases == Self.operation(name).defaultCases)
    }

    /// Tolerances are wide enough for f32, and not much wider: the worst error is a part of them that can be seen.
    @Test(arguments: [
        "activation", "attention", "conv2d", "convTranspose2d", "gatedLinear", "gatedProduct", "groupNorm", "layerNorm", "linear",
        "linears", "multiplyAdd", "pool", "quantileColumns", "rmsNorm", "rope", "rotateAndStore", "rotation", "softmax", "transport",
        "gatedTransport", "clusterTransport",
    ])
    func plainSinglePrecisionPasses(_ name: String) throws {
        let report = try Self.report(name, of: SinglePrecision())
        #expect(report.failures == [])
        #expect(report.worstRatio > 0.01)
    }

    @Test(
        arguments: [
            ("attention", WiderWindow.self), ("attention", WithoutSoftCap.self), ("attention", WithoutBias.self),
            ("attention", BlocksInOrder.self), ("storeKeys", KeysFromTheEnd.self),
            ("transport", ClosedSupport.self), ("gatedTransport", UngatedMaps.self), ("gatedTransport", SharedGate.self),
            ("clusterTransport", EqualClusters.self), ("clusterTransport", LostCluster.self), ("clusterTransport", FartherClusters.self),
            ("transport", TransportLosingSigns.self), ("linear", LastColumnUnwritten.self),
            ("linear", HalfPrecision.self), ("conv2d", TurnedKernel.self), ("convTranspose2d", TurnedKernel.self),
            ("add", OneRowTooMany.self), ("rmsNorm", SharedNorm.self), ("rope", OtherLayout.self),
            ("gatedProduct", ExactGELU.self), ("activation", ExactGELU.self), ("gatedProduct", SwappedOperands.self),
            ("subtract", SwappedOperands.self), ("multiplyAdd", WithoutOne.self), ("multiply", FirstRowForAll.self),
            ("clamp", ClampedNaN.self), ("softmax", OverflowingSoftmax.self), ("permute", CopiesInOrder.self),
            ("concat", CopiesInOrder.self), ("slice", CopiesInOrder.self), ("broadcast", CopiesInOrder.self),
            ("cast", TruncatingCast.self), ("pad", SymmetricReflection.self), ("upsample", OtherCorners.self),
            ("rotation", OneRotation.self), ("timestepEmbedding", SinesFirst.self), ("gatherRows", ClampedIndices.self),
            ("embedding", ClampedIndices.self), ("scatterRows", ShiftedScatter.self),
            ("pool", LowerMedian.self), ("sortColumns", UnsortedTail.self), ("fitColumns", BiasedDeviation.self),
            ("quantileColumns", LowerQuantile.self), ("aurocColumns", GenerousTies.self), ("groupNorm", MapsTooEarly.self),
            ("groupNorm", OneChannelGroups.self), ("layerNorm", UnbiasedNorm.self), ("transport", PointwiseMeans.self),
            ("argmax", LastOfEqual.self), ("reduce", IgnoringNaN.self), ("topK", ReversedRanks.self), ("sample", WholeVocabulary.self),
            ("sample", DividingPenalty.self), ("sample", ForgetfulSampler.self), ("sample", TolerantSampler.self),
            ("linears", SwappedFactors.self), ("gatedLinear", SwappedFactors.self),
            ("rotateAndStore", UnturnedKeys.self),
        ] as [(String, AlteredBackend.Type)])
    func aWrongKernelFails(_ name: String, _ kernel: AlteredBackend.Type) throws {
        let candidate = kernel.init()
        let report = try Self.report(name, of: candidate)
        #expect(!report.passed, "\(candidate.name)")
        for failure in report.failures {
            #expect(failure.operation == name && failure.seed == Self.seed && !failure.shapes.isEmpty && !failure.detail.isEmpty)
        }
    }

    /// Each element may be off by its tolerance, not all of them together.
    @Test func aDriftWithinToleranceFailsAsAWhole() throws {
        let report = try Self.report("rmsNorm", of: DriftingNorm(), cases: 200)
        #expect(report.failures.contains { $0.detail.contains("normalised mean squared error") })
    }

    /// An element that a map moves or does not, as rounding decides, may be off by all of its tolerance beside others that are exact; many
    /// that are off by as much may not.
    @Test func oneElementAtAnEdgeIsNoDrift() {
        let expected = [Float](repeating: 1, count: 100)
        func mismatch(_ tolerance: [Double]) -> String? {
            let actual = zip(expected, tolerance).map { $0 + 0.97 * Float($1) }
            return Comparison(actual: .floats(actual), expected: .floats(expected), tolerance: tolerance, largestError: 1e-10).mismatch
        }
        var atAnEdge = [Double](repeating: 1e-6, count: 100)
        atAnEdge[17] = 0.1
        #expect(mismatch(atAnEdge) == nil)
        #expect(mismatch([Double](repeating: 0.1, count: 100)) != nil)
    }

    @Test func aFullRunHasItsNumberOfCases() {
        let total = CrossCheck.operations.reduce(0) { $0 + CheckEffort.full.cases(of: $1) }
        #expect(total >= CheckEffort.fullCases)
        for operation in CrossCheck.operations {
            #expect(CheckEffort.full.cases(of: operation) >= CheckEffort.representative.cases(of: operation))
            #expect(CheckEffort.cases(7).cases(of: operation) == 7)
        }
    }

    /// What f32 kernels reach, far below the bounds of 1e-10 and 1e-6.
    @Test(arguments: ["linear", "rmsNorm", "attention"])
    func normalisedErrorsAreKept(_ name: String) throws {
        let report = try Self.report(name, of: SinglePrecision())
        #expect(report.normalisedError > 0 && report.normalisedError <= 1e-10)
        #expect(report.halfNormalisedError <= 1e-6)
    }

    @Test func whatIsLeftOutIsCalledUnwritten() throws {
        let report = try Self.report("linear", of: LastColumnUnwritten())
        #expect(report.failures.contains { $0.detail.contains("was not written") })
    }

    @Test func whatIsWrittenBesideAnOutputIsFound() throws {
        let report = try Self.report("add", of: OneRowTooMany())
        #expect(report.failures.contains { $0.detail == "the memory after the output was written" })
    }

    @Test func anErrorIsAFailureWithItsSentence() throws {
        let report = try Self.report("add", of: Refusing())
        #expect(report.failures.contains { $0.detail == "add: the device refused" })
    }

    /// Inputs in f16 are within the tolerance of devices that say so.
    @Test func halfInputsHaveATolerance() throws {
        let report = try CrossCheck.run(
            operation: Self.operation("linear"), cases: 66, seed: Self.seed, candidate: HalfPrecision(),
            reference: ReferenceBackend(), matrixInputs: .half)
        #expect(report.failures == [])
        #expect(report.worstRatio > 0)
    }

    @Test func aFailureIsSeenAgainAlone() throws {
        let report = try Self.report("attention", of: WiderWindow())
        let failure = try #require(report.failures.first)
        let again = try CrossCheck.run(
            operation: Self.operation("attention"), cases: failure.caseIndex..<failure.caseIndex + 1, seed: failure.seed,
            candidate: WiderWindow(), reference: ReferenceBackend())
        #expect(again.failures.first == failure)
        #expect(again.cases == 1)
    }

    @Test func aReportSurvivesJSON() throws {
        let report = try Self.report("transport", of: ClosedSupport())
        #expect(report.worstRatio == .greatestFiniteMagnitude)
        #expect(try JSONDecoder().decode(CheckReport.self, from: JSONEncoder().encode(report)) == report)
    }

    @Test func anotherSeedDrawsOtherCases() throws {
        let first = try Self.report("linear", of: LastColumnUnwritten(), cases: 12)
        let second = try CrossCheck.run(
            operation: Self.operation("linear"), cases: 12, seed: Self.seed + 1, candidate: LastColumnUnwritten(),
            reference: ReferenceBackend())
        #expect(first.failures.map(\.shapes) != second.failures.map(\.shapes))
    }
}
