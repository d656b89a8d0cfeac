import CPUBackend
import Foundation
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// What `monge bench tune` measures, and what becomes of its table.
@Suite struct TuningTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try body(folder)
    }

    @Test func aDeviceIsTunedAndItsTableUsed() throws {
        try withFolder { folder in
            let backend = try TestBackend.make(family: .tiles, matrix: MatrixOptions(.only(.emulated), inputs: .half), isChecked: false)
            let measurements = Collected()
            var tuner = Tuner(backend, repetitions: 1) { measurements.append($0) }
            let table = try tuner.run(date: "2025-01-01T00:00:00Z")
            let engine = try #require(backend.matrices.first)
            let runnable = MatrixTile.candidates.filter { engine.refusal(of: $0, on: backend.device.report) == nil }
            #expect(Set(table.matrixTiles.map(\.tile)) == Set(runnable))
            #expect(table.matrixTiles.map(\.rate) == table.matrixTiles.map(\.rate).sorted(by: >))
            #expect(table.attention.map(\.channels) == [64, 128])
            #expect(measurements.all.filter { $0.unit == "GB/s" }.count == 3 * MatvecShape.candidates.count)
            #expect(
                measurements.all.filter { $0.problem.hasPrefix("linear") && $0.problem.hasSuffix("emulated") && $0.unit == "GFLOP/s" }.count
                    == runnable.count)
            #expect(measurements.all.allSatisfy { $0.milliseconds > 0 && $0.rate > 0 })
            try table.write(backend.device.report, in: folder)

            let next = try TestBackend.make(family: .tiles, matrix: MatrixOptions(.only(.emulated)), cacheFolder: folder)
            #expect(next.matrices.first?.tiles == table.matrixTiles)
            #expect(next.matvecShape == table.matvec)
            #expect(next.attentionTiles == table.attention)
            #expect(next.scalarTile == table.scalarTile)
        }
    }

    @Test func tablesThatAreBrokenOrForeignAreIgnoredWithAMessage() throws {
        let report = try TestBackend.report()
        let whole = TuningTable(report, date: "2025-01-01T00:00:00Z")
        let encoded = String(decoding: try JSONEncoder().encode(whole), as: UTF8.self)
        let cases: [(String, String)] = [
            ("", "no table"), (String(encoded.dropLast(9)), "no table"),
            (encoded.replacing("\"version\":1", with: "\"version\":2"), "version 2"),
            (encoded.replacing("\"deviceUUID\":\"\(report.deviceUUID)\"", with: "\"deviceUUID\":\"0123\""), "another device"),
            (encoded.replacing("\"unroll\":2", with: "\"unroll\":0"), "impossible"),
            (encoded.replacing("\"matrixTiles\":[]", with: Self.tileWithoutRate), "rates"),
        ]
        try withFolder { folder in
            for (text, reason) in cases {
                #expect(text != encoded, "\(reason)")
                try text.write(to: TuningTable.file(report, in: folder), atomically: true, encoding: .utf8)
                var messages: [String] = []
                #expect(TuningTable.load(report, in: folder) { messages.append($0) } == nil)
                #expect(messages.count == 1 && messages[0].contains(reason), "\(messages)")
            }
            try whole.write(report, in: folder)
            #expect(TuningTable.load(report, in: folder) { _ in Issue.record("a whole table is used") } == whole)
        }
    }

    private static let tileWithoutRate =
        "\"matrixTiles\":[{\"rate\":0,\"tile\":{\"rows\":64,\"outputs\":64,\"subgroupRows\":32,\"subgroupOutputs\":32}}]"

    /// Every tile of linear/matmul against the plainest kernel there is.
    @Test func everyScalarTileComputesTheSame() throws {
        let (rows, channels, outputs) = (37, 64, 141)
        var inputs = MatrixCheckInputs()
        let x = inputs.activations(rows * channels)
        let weight = inputs.activations(outputs * channels)
        func product(_ backend: any Backend) throws -> [Float] {
            try backend.readFloats(
                backend.linear(backend.upload(x, [rows, channels]), weight: backend.upload(weight, [outputs, channels])))
        }
        let expected = try product(ReferenceBackend())
        try withFolder { folder in
            for tile in ScalarTile.candidates {
                // As a run after the tuning does.
                var table = TuningTable(try TestBackend.report(), date: "2025-01-01T00:00:00Z")
                table.scalarTile = tile
                try table.write(try TestBackend.report(), in: folder)
                let backend = try TestBackend.make(family: .tiles, cacheFolder: folder)
                // Multiples of 1/64 whose sums f32 holds exactly.
                #expect(try product(backend) == expected, "\(tile)")
                #expect(backend.device.validationMessages == [])
            }
        }
    }

    /// Every shape of linear/matvec, for each weight type, against the plain tile kernel.
    @Test(arguments: DType.allCases.filter(\.isWeight))
    func everyMatvecShapeComputesTheSame(dtype: DType) throws {
        let backend = try TestBackend.make(family: .tiles)
        let (rows, channels, outputs) = (3, 512, 7)
        var inputs = MatrixCheckInputs()
        let x = try backend.upload(inputs.activations(rows * channels), [rows, channels])
        let many = try backend.upload((0..<6).flatMap { _ in try backend.readFloats(x) }, [6 * rows, channels])
        let weight = try inputs.weights(rows: outputs, columns: channels, dtype).withUnsafeBytes {
            try backend.upload($0, [outputs, channels], dtype)
        }
        // More rows than a matrix–vector product has.
        let expected = try backend.readFloats(backend.linear(many, weight: weight))
        let scale = expected.map(abs).max() ?? 1
        for shape in [MatvecShape(outputs: 1, unroll: 1), .usual, MatvecShape(outputs: 4, unroll: 4), MatvecShape(outputs: 1, unroll: 1)] {
            let result = try backend.readFloats(backend.computing(matvec: shape) { try backend.linear(x, weight: weight) })
            for (value, truth) in zip(result, expected) { #expect(abs(value - truth) <= 1e-5 * scale, "\(shape)") }
            backend.splicesIntegers.toggle()
        }
        #expect(backend.device.validationMessages == [])
    }
}

private final class Collected {
    private(set) var all: [Tuner.Measurement] = []
    func append(_ measurement: Tuner.Measurement) { all.append(measurement) }
}
