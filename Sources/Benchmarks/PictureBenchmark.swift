import Foundation
import Models
import Monge
import Tensors

/// How fast a text-to-image model draws on a device, what steering costs, and how far that is from what the device can do.
public struct PictureBenchmark: Codable, Sendable {
    /// What an operation takes of a step.
    public struct Share: Codable, Sendable {
        public var operation: String
        /// Of the time of all operations, each timed on its own.
        public var share: Double
    }

    public var device: String
    public var date: String
    public var model: String
    /// What norms write and products read: f32 or f16.
    public var activations: String
    public var command: String
    /// In pixels: `64×64`.
    public var size: String
    /// Pictures drawn together, guidance doubling them.
    public var pictures: Int
    public var ceilings: ModelBenchmark.Ceilings
    /// Floating-point operations of products, convolutions and attention in a step.
    public var operationsPerStep: Double
    /// Of a guided step.
    public var step: TimeStatistics
    /// With a map on every norm.
    public var stepSteered: TimeStatistics
    /// Median over paired steps of (steered time / plain time), minus 1.
    public var toll: Double
    /// Operations of a step over its time, over the device's product.
    public var shareOfCeiling: Double
    /// The largest first.
    public var shares: [Share]
    /// Of one picture.
    public var decode: TimeStatistics
    /// The most that tensors took at once, weights among them, in bytes.
    public var tensorBytes: Int
    /// The most memory the process has had, in bytes.
    public var peakMemoryBytes: Int

    /// Measures. Plain and steered steps alternate, so that a drift of the machine's speed meets both.
    ///
    /// - Parameters:
    ///   - size: Nil for what the model was trained on.
    ///   - pictures: Drawn together.
    ///   - repetitions: Steps of each kind.
    public static func run(
        _ model: PictureModel, size: PictureSize?, pictures: Int, repetitions: Int, command: String, progress: ProgressHandler? = nil
    ) throws -> PictureBenchmark {
        let backend = model.backend
        let bench = try model.stepBenchmark(size: size, pictures: pictures)
        let map = ModelBenchmark.benchmarkMap(for: model.diffusion) { $0.split(separator: ".").last!.contains("norm") }
        let transports = try InstalledSteering([[map.at(1)]], on: model.diffusion).transports(
            for: [(rows: 1, steering: [map.at(1)])])
        func time(_ work: () throws -> Void) throws -> Double {
            try backend.synchronize()
            let start = DispatchTime.now().uptimeNanoseconds
            try work()
            try backend.synchronize()
            return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        }
        func context(_ steered: Bool, on backend: any Backend) -> ForwardContext {
            ForwardContext(backend: backend, transports: steered ? transports : [], siteCount: model.diffusion.sites.count)
        }
        let steps = try [false, true].map { try bench.step(context($0, on: backend)) }
        // The first two of each kind make what later ones find.
        for _ in 0..<2 { for step in steps { try step() } }
        var times = (plain: [Double](), steered: [Double]())
        for index in 1...repetitions {
            for steered in index % 2 == 0 ? [false, true] : [true, false] {
                let seconds = try time(steps[steered ? 1 : 0])
                if steered { times.steered.append(seconds) } else { times.plain.append(seconds) }
            }
            try progress?(Progress(activity: "measuring", done: index, total: repetitions, unit: "steps"))
        }
        let clock = OperationClock(backend)
        try bench.step(context(false, on: clock))()
        let whole = clock.seconds.values.reduce(0, +)
        let decodes = try (0..<max(repetitions / 4, 3)).map { _ in try time { try bench.decode() } }
        let tensorBytes = backend.tensorMemory.peak
        let ceilings = try ModelBenchmark.measureCeilings(on: backend, seconds: 1)
        let step = TimeStatistics(times.plain)
        return PictureBenchmark(
            device: backend.name, date: ISO8601DateFormatter().string(from: Date()), model: model.url.lastPathComponent,
            activations: model.diffusion.activations.rawValue, command: command, size: "\(bench.size)", pictures: pictures,
            ceilings: ceilings, operationsPerStep: clock.operations, step: step, stepSteered: TimeStatistics(times.steered),
            toll: ModelBenchmark.medianRatio(times.steered, times.plain) - 1,
            shareOfCeiling: clock.operations / step.median / 1e9 / ceilings.gigaflopsPerSecond,
            shares: clock.seconds.map { Share(operation: $0.key, share: $0.value / whole) }
                .sorted { ($1.share, $0.operation) < ($0.share, $1.operation) },
            decode: TimeStatistics(decodes), tensorBytes: tensorBytes, peakMemoryBytes: ProcessMemory.peakBytes)
    }
}
