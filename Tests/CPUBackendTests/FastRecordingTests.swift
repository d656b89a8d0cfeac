import CPUBackend
import CrossCheck
import Tensors
import Testing

/// Operations that are recorded and replayed.
@Suite struct FastRecordingTests {
    /// A backend each of whose operations is recorded, and then replayed.
    private final class ReplayingBackend: ForwardingBackend {
        /// The operations that are kept as calls of kernels.
        private(set) var kept: Set<String> = []

        override func perform(_ name: String, _ operation: () throws -> Void) throws {
            weak var recorded: (any RecordedOperations)?
            try withoutActuallyEscaping(operation) { operation in
                let recording = try inner.record(isBrief: true, operation)
                if let recording = recording as? CPURecording {
                    kept.insert(name)
                    #expect(recording.count > 0, "\(name) did its work while it was recorded, and does none when it is replayed")
                }
                try recording.replay()
                recorded = recording
            }
            #expect(recorded == nil, "what \(name) keeps keeps the recording")
        }
    }

    /// What a decoding step consists of, elementwise functions apart.
    private static let decoding: Set = [
        "argmax", "attention", "clusterTransport", "embedding", "gatedLinear", "gatedTransport", "layerNorm", "linear", "linears",
        "rmsNorm", "rope", "rotateAndStore", "rotation", "sample", "scatterRows", "storeKeys", "transport",
    ]

    /// No operation is lost or done on what its operands held when it was recorded: those that are kept, and those that are asked for anew.
    @Test(arguments: CrossCheck.operations.map(\.name), [ProductPrecision.exact, .fast])
    func aReplayedOperationIsTheOperation(operationName: String, precision: ProductPrecision) throws {
        let operation = try #require(CrossCheck.operations.first { $0.name == operationName })
        let candidate = ReplayingBackend(try CPUBackend(threads: 2, precision: precision))
        let report = try CrossCheck.run(
            operation: operation, seed: 9, candidate: candidate, reference: ReferenceBackend(precision: precision))
        #expect(report.failures.isEmpty, "\(report.failures.prefix(3))")
        #expect(report.cases > 0)
        if Self.decoding.contains(operationName) { #expect(!candidate.kept.isEmpty) }
    }

    /// A recording reads its operands when it is replayed, keeps those that nobody else does, and lets go of them in the end; its intermediate
    /// results use each other's memory.
    @Test func aRecordingKeepsWhatItReads() throws {
        let backend = try CPUBackend()
        let count = 5000
        let before = backend.tensorMemory.inUse
        let x = try backend.upload([Float](repeating: 1, count: count), [count])
        let result = try backend.allocate([count], .f32)
        var recording: (any RecordedOperations)? = try {
            let summand = try backend.upload([Float](repeating: 2, count: count), [count])
            return try backend.record(isBrief: true) {
                var y = x
                for _ in 0..<100 { y = try backend.add(y, summand) }
                // A constant.
                let factor = try backend.upload([Float](repeating: 3, count: count), [count])
                for _ in 0..<3 { y = try backend.multiply(y, factor) }
                _ = try backend.add(y, summand, into: result)
            }
        }()
        #expect((recording as? CPURecording)?.count == 104)
        // x, the result, the summand, the factor, and two in turn.
        #expect(backend.tensorMemory.inUse - before <= 6 * (4 * count + 64))
        let others = try (0..<8).map { _ in try backend.upload([Float](repeating: .nan, count: count), [count]) }
        for start in [Float(1), 5] {
            try backend.write([Float](repeating: start, count: count), to: x)
            try recording!.replay()
            #expect(try backend.readFloats(result).allSatisfy { $0 == 27 * (start + 200) + 2 })
        }
        withExtendedLifetime(others) {}
        recording = nil
        #expect(backend.tensorMemory.inUse - before <= (2 + others.count) * (4 * count + 64))
    }

    /// A tensor that a recording allocated is good for as long as it is held.
    @Test func resultsOutliveARecording() throws {
        let backend = try CPUBackend()
        let x = try backend.upload([1, 2, 3] as [Float], [3])
        var result: Tensor?
        var recording: (any RecordedOperations)? = try backend.record(isBrief: true) { result = try backend.add(x, x) }
        try recording!.replay()
        recording = nil
        let others = try (0..<4).map { _ in try backend.upload([7, 7, 7] as [Float], [3]) }
        #expect(try backend.readFloats(result!) == [2, 4, 6])
        withExtendedLifetime(others) {}
        result = nil
    }

    /// What concerns the host is refused, and the backend is as it was.
    @Test func whatConcernsTheHostIsRefused() throws {
        let backend = try CPUBackend()
        let x = try backend.upload([1, 2] as [Float], [2])
        let other = try backend.record(isBrief: true) { _ = try backend.add(x, x, into: x) }
        let refused: [(String, () throws -> Void)] = [
            ("a read", { _ = try backend.readFloats(x) }), ("a write", { try backend.write([3, 4] as [Float], to: x) }),
            ("a recording", { _ = try backend.record(isBrief: true) {} }), ("a replay", { try other.replay() }),
        ]
        for (name, use) in refused {
            #expect(throws: TensorError.executionFailed(operation: "record", detail: "\(name) cannot be part of a recording")) {
                _ = try backend.record(isBrief: true, use)
            }
        }
        #expect(try backend.readFloats(x) == [1, 2])
        // Long operations are asked for anew, and so are those of which one is not kept.
        let long = try backend.record(isBrief: false) { _ = try backend.add(x, x, into: x) }
        #expect(!(long is CPURecording))
        let mixed = try backend.record(isBrief: true) {
            _ = try backend.add(x, x, into: x)
            _ = try backend.reduce(x, .sum, axis: 0)
        }
        #expect(!(mixed is CPURecording))
        #expect(try backend.readFloats(x) == [1, 2])
        try long.replay()
        try mixed.replay()
        #expect(try backend.readFloats(x) == [4, 8])
    }

    /// Weights that are put in the order of products between two replays, and let go of: the embedding that shares them reads them still.
    @Test(arguments: [DType.q8_0, .q4_K, .f16])
    func weightsMayBePutInOrderMeanwhile(dtype: DType) throws {
        var numbers = SeededNumbers(seed: 15)
        let shape: Shape = [64, 512]
        let bytes = numbers.weightBytes(shape, dtype)
        let backend = try CPUBackend(threads: 2, precision: .fast)
        weak var owner: WeightBytes?
        let weight = try {
            let own = WeightBytes(bytes)
            owner = own
            return try backend.adopt(UnsafeRawBufferPointer(own.bytes), owner: own, shape, dtype)
        }()
        let token = try backend.upload([Int32(7)], [1])
        let logits = try backend.allocate([1, 64], .f32)
        let recording = try backend.record(isBrief: true) {
            let x = try backend.embedding(token, table: weight)
            _ = try backend.linear(x, weight: weight, into: logits)
        }
        #expect(recording is CPURecording)
        let expected = try {
            let backend = try CPUBackend(threads: 2, precision: .fast)
            let weight = try backend.weight(bytes, shape, dtype)
            return try backend.readFloats(backend.linear(backend.embedding(backend.upload([Int32(7)], [1]), table: weight), weight: weight))
        }()
        for _ in 0..<5 {
            try recording.replay()
            #expect(try backend.readFloats(logits) == expected)
        }
        #expect(dtype == .f16 || owner == nil, "the bytes as they were given are kept beside those in order")
    }
}
