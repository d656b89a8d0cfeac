import Foundation
import Tensors
import VulkanRuntime

/// Measures how fast kernels are under each division of their work, on the device itself.
public struct Tuner {
    /// One measurement.
    public struct Measurement: Sendable, Encodable {
        /// The operation and its shapes.
        public let problem: String
        public let choice: String
        /// The shortest of the repetitions, in milliseconds.
        public let milliseconds: Double
        /// What it is judged by, in GFLOP/s or GB/s.
        public let rate: Double
        public let unit: String
    }

    private let backend: VulkanBackend
    private let repetitions: Int
    private let report: (Measurement) -> Void
    private var inputs = MatrixCheckInputs()

    /// - Parameters:
    ///   - repetitions: How often each kernel is timed.
    ///   - report: Told of each measurement as it is made.
    public init(_ backend: VulkanBackend, repetitions: Int = 10, report: @escaping (Measurement) -> Void) {
        (self.backend, self.repetitions, self.report) = (backend, repetitions, report)
    }

    /// Measures everything that can be chosen.
    /// - Throws: ``TensorError``, or `VulkanError` when the device has no timestamps.
    public mutating func run(date: String) throws -> TuningTable {
        var table = TuningTable(backend.device.report, date: date)
        table.matvec = try matvec()
        table.scalarTile = try scalarTile()
        table.matrixTiles = try matrixTiles()
        table.attention = try [64, 128].compactMap { try attention(channels: $0) }
        return table
    }

    /// A software device is measured on sizes that it finishes.
    private var isSoftware: Bool { backend.device.report.isSoftware }

    /// The shape with the least time over three weight types together, each in a matrix larger than caches; that in use where kernels are not
    /// laid out in tiles.
    private mutating func matvec() throws -> MatvecShape {
        guard backend.family == .tiles else { return backend.matvecShape }
        let side = isSoftware ? 512 : 8192
        let x = try backend.upload(inputs.activations(side), [1, side])
        var times: [MatvecShape: Double] = [:]
        for dtype in [DType.f16, .q8_0, .q4_K] {
            let weight = try self.weight(rows: side, columns: side, dtype)
            for shape in MatvecShape.candidates {
                let time = try backend.computing(matvec: shape) { try shortest { _ = try backend.linear(x, weight: weight) } }
                times[shape, default: 0] += time
                report(
                    Measurement(
                        problem: "linear [1, \(side)] by [\(side), \(side)] \(dtype)", choice: "\(shape)", milliseconds: time / 1e6,
                        rate: Double(weight.byteCount) / time, unit: "GB/s"))
            }
        }
        return times.min { ($0.value, $0.key.outputs, $0.key.unroll) < ($1.value, $1.key.outputs, $1.key.unroll) }!.key
    }

    /// The fastest tile of plain arithmetic; that in use where kernels are not laid out in tiles.
    private mutating func scalarTile() throws -> ScalarTile {
        guard backend.family == .tiles else { return backend.scalarTile }
        let (rows, outputs, channels) = isSoftware ? (128, 128, 64) : (2048, 2048, 2048)
        let x = try backend.upload(inputs.activations(rows * channels), [rows, channels])
        let weight = try self.weight(rows: outputs, columns: channels, .f32)
        let result = try backend.allocate([rows, outputs], .f32)
        let operations = 2 * Double(rows) * Double(outputs) * Double(channels)
        let usual = backend.scalarTile
        defer { backend.scalarTile = usual }
        var best = (tile: usual, time: Double.infinity)
        for tile in ScalarTile.candidates where tile.isPossible(on: backend.device.report) {
            backend.scalarTile = tile
            let time = try backend.computing(.scalar) { try shortest { _ = try backend.linear(x, weight: weight, into: result) } }
            report(
                Measurement(
                    problem: "linear [\(rows), \(channels)] by [\(outputs), \(channels)] f32", choice: "\(tile)",
                    milliseconds: time / 1e6, rate: operations / time, unit: "GFLOP/s"))
            if time < best.time { best = (tile, time) }
        }
        return best.tile
    }

    /// Every tile that the device can run, at a size that fills the device with any of them.
    private mutating func matrixTiles() throws -> [RatedTile] {
        guard let engine = backend.matrices.first(where: { $0.kind != .nv }) else { return [] }
        let (rows, outputs, channels) = isSoftware ? (128, 128, 64) : (4096, 4096, 4096)
        let values = inputs.activations(rows * channels).map { Float16($0) }
        let x = try backend.upload(values, [rows, channels], .f16)
        let weight = try self.weight(rows: outputs, columns: channels, .f16)
        let result = try backend.allocate([rows, outputs], .f16)
        let operations = 2 * Double(rows) * Double(outputs) * Double(channels)
        var rated: [RatedTile] = []
        for tile in MatrixTile.candidates where engine.refusal(of: tile, on: backend.device.report) == nil {
            let plan = MatrixPlan(engine, tile: tile, splits: 1, splitChannels: channels)
            let time = try backend.computing(.matrix(plan)) { try shortest { _ = try backend.linear(x, weight: weight, into: result) } }
            rated.append(RatedTile(tile: tile, rate: operations / time))
            report(
                Measurement(
                    problem: "linear [\(rows), \(channels)] by [\(outputs), \(channels)] f16, \(engine.kind.rawValue)", choice: "\(tile)",
                    milliseconds: time / 1e6, rate: operations / time, unit: "GFLOP/s"))
        }
        return rated.sorted { $0.rate > $1.rate }
    }

    /// The fastest tile for heads of one size, in a prompt of f16 that fills the device.
    private mutating func attention(channels: Int) throws -> AttentionTile? {
        guard let engine = backend.matrices.first(where: { $0.kind != .nv }), backend.matrixInputs != .single else { return nil }
        let (rows, heads) = isSoftware ? (64, 1) : (2048, 32)
        let values = inputs.activations(rows * heads * channels).map { Float16($0) }
        let tensor = try backend.upload(values, [rows, heads, channels], .f16)
        let cache = try tensor.reshaped([1, rows, heads, channels])
        let segments = Segments(
            queryStarts: try backend.upload([0, Int32(rows)]), keyLengths: try backend.upload([Int32(rows)]),
            slots: try backend.upload([0 as Int32]), maximumQueries: rows, maximumKeys: rows)
        let result = try backend.allocate(tensor.shape, .f16)
        let usual = backend.attentionTiles
        defer { backend.attentionTiles = usual }
        var best: (tile: AttentionTile, time: Double)?
        for tile in AttentionTile.candidates(channels: channels)
        where AttentionMatrix(engine, tile, on: backend.device.report, registers: backend.registers) != nil {
            backend.attentionTiles = [tile]
            let time = try shortest {
                _ = try backend.attention(
                    tensor, keys: cache, values: cache, segments: segments, scale: 0.1, causal: false, into: result)
            }
            let rate = 4 * Double(rows) * Double(rows) * Double(heads * channels) / time
            report(
                Measurement(
                    problem: "attention [\(rows), \(heads), \(channels)] f16, \(engine.kind.rawValue)", choice: "\(tile)",
                    milliseconds: time / 1e6, rate: rate, unit: "GFLOP/s"))
            if best.map({ time < $0.time }) ?? true { best = (tile, time) }
        }
        return best?.tile
    }

    private mutating func weight(rows: Int, columns: Int, _ dtype: DType) throws -> Tensor {
        // A few rows over and over: what they hold does not matter.
        let few = inputs.weights(rows: min(rows, 8), columns: columns, dtype)
        let count = dtype.byteCount(elements: rows * columns)!
        let bytes = (0..<count / few.count).flatMap { _ in few }
        return try bytes.withUnsafeBytes { try backend.upload($0, [rows, columns], dtype) }
    }

    /// The shortest time of all dispatches of `body`, in nanoseconds, once its kernels are compiled and warm.
    private func shortest(_ body: () throws -> Void) throws -> Double {
        for _ in 0..<2 { try body() }
        var best = Double.infinity
        for _ in 0..<repetitions {
            try backend.stream.startProfiling(serialised: true)
            try body()
            best = min(best, try backend.stream.endProfiling().reduce(0) { $0 + $1.nanoseconds })
        }
        return max(best, 1)
    }
}

extension MatrixTile {
    /// The tiles worth measuring.
    package static let candidates: [MatrixTile] = [
        MatrixTile(128, 256, subgroup: 64, 64), MatrixTile(256, 128, subgroup: 64, 64), MatrixTile(128, 128, subgroup: 64, 64),
        MatrixTile(128, 128, subgroup: 64, 32), MatrixTile(128, 128, subgroup: 32, 64), MatrixTile(128, 64, subgroup: 64, 32),
        MatrixTile(128, 64, subgroup: 32, 32), MatrixTile(64, 128, subgroup: 32, 64), MatrixTile(64, 64, subgroup: 32, 32),
        MatrixTile(64, 32, subgroup: 32, 16), MatrixTile(32, 64, subgroup: 16, 32), MatrixTile(32, 32, subgroup: 16, 16),
        MatrixTile(16, 64, subgroup: 16, 16),
    ]
}
