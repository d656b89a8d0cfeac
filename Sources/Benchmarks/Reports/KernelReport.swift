/// What `monge bench kernels` measured on one device: the file that `monge bench show` and `monge bench compare` read.
public struct KernelReport: Codable, Sendable {
    /// Which machine and driver the figures are of.
    public struct DeviceIdentity: Codable, Sendable, Equatable {
        public var name: String
        /// cpu, or how Vulkan classes the device: discrete, integrated, virtual, cpu.
        public var kind: String
        /// The driver's name, or the vector instructions on the CPU.
        public var driver: String
        public var driverVersion: String
        /// The machine's processor.
        public var processor: String
    }

    /// A benchmark that was not measured.
    public struct Omission: Codable, Sendable, Equatable {
        public var operation: String
        public var model: String
        public var shapes: String
        /// A sentence.
        public var reason: String
    }

    /// The version of this layout.
    public static let currentFormat = 1

    public var format: Int
    /// The version of Monge.
    public var version: String
    public var device: DeviceIdentity
    /// When the measurement began, in ISO 8601.
    public var date: String
    public var command: String
    /// How long each benchmark was to run, in seconds.
    public var secondsPerBenchmark: Double
    /// Inputs and outputs are taken from at least this many bytes of copies in turn: more than the cache holds.
    public var rotatedBytes: Int
    public var ceilings: DeviceCeilings
    public var kernels: [KernelResult]
    public var leftOut: [Omission]
}

/// One benchmark's figures.
public struct KernelResult: Codable, Sendable {
    /// The same operation on another library, as `tools/bench-peers` adds it.
    public struct Peer: Codable, Sendable {
        /// The library, its version and the device.
        public var name: String
        public var time: TimeStatistics
        /// The peer's median over Monge's, both of the same session: above 1 Monge is faster.
        public var ratio: Double

        public init(name: String, time: TimeStatistics, ratio: Double) {
            (self.name, self.time, self.ratio) = (name, time, ratio)
        }
    }

    public var operation: String
    public var model: String
    public var shapes: String
    public var sizes: [String: Int]
    public var types: [String: String]
    public var bytes: Int
    public var operations: Int
    /// Of single runs.
    public var time: TimeStatistics
    /// `timestamps` of the device, or the `wall` clock of the host.
    public var clock: String
    /// The host's time over the number of runs: with launches and waiting.
    public var wallSecondsPerRun: Double
    /// The kernels of a run, in order; empty on the CPU.
    public var kernels: [String]
    /// How many copies of the inputs and outputs took turns.
    public var copies: Int
    /// Whether the copies are more than the cache holds. Otherwise the figures are of data that may lie in the cache.
    public var isCold: Bool
    public var gigabytesPerSecond: Double
    public var gigaflopsPerSecond: Double
    /// Of the two ceilings, in 0 … 1; above 1 for data in the cache.
    public var shareOfBandwidth: Double
    public var shareOfMatrixRate: Double
    /// The larger of the two: the least time that the ceilings allow over the median time.
    public var shareOfCeiling: Double
    /// `memory` or `arithmetic`: which of the ceilings gives that least time.
    public var bound: String
    public var peers: [Peer]?

    /// What two reports are matched by.
    public var key: String { "\(operation) · \(model) · \(shapes)" }

    init(
        _ benchmark: KernelBenchmark, _ measurement: RunTimer.Measurement, copies: Int, isCold: Bool, ceilings: DeviceCeilings
    ) {
        let time = TimeStatistics(measurement.seconds)
        // A device's clock may tick too coarsely for what takes no time.
        let median = max(time.median, 1e-9)
        operation = benchmark.operation
        model = benchmark.model.rawValue
        shapes = benchmark.shapes
        sizes = benchmark.sizes
        types = benchmark.types
        bytes = benchmark.bytes
        operations = benchmark.operations
        self.time = time
        clock = measurement.clock.rawValue
        wallSecondsPerRun = measurement.wallSecondsPerRun
        kernels = measurement.kernels
        self.copies = copies
        self.isCold = isCold
        gigabytesPerSecond = Double(bytes) / 1e9 / median
        gigaflopsPerSecond = Double(operations) / 1e9 / median
        shareOfBandwidth = gigabytesPerSecond / ceilings.gigabytesPerSecond
        shareOfMatrixRate = gigaflopsPerSecond / ceilings.gigaflopsPerSecond
        shareOfCeiling = max(shareOfBandwidth, shareOfMatrixRate)
        bound = ceilings.isBoundByMemory(bytes: bytes, operations: operations) ? "memory" : "arithmetic"
    }
}
