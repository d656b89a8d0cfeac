import Tensors
import VulkanBackend

/// The most that a device was seen to do: the two lines of a roofline (Williams, Waterman & Patterson, "Roofline", 2009).
public struct DeviceCeilings: Codable, Sendable, Equatable {
    /// One of the measurements that the ceilings are chosen from.
    public struct Probe: Codable, Sendable, Equatable {
        /// What was run.
        public var name: String
        /// GB/s of a probe of memory, GFLOP/s of a matrix product, from the fastest run.
        public var rate: Double
    }

    /// Bytes read and written a second, in 10⁹: the best of ``memory``.
    public var gigabytesPerSecond: Double
    /// Multiplications and additions a second, in 10⁹: the best of ``matrix``.
    public var gigaflopsPerSecond: Double
    /// Copies and sums of more data than the cache holds.
    public var memory: [Probe]
    /// Products of square matrices.
    public var matrix: [Probe]

    init(memory: [Probe], matrix: [Probe]) {
        self.memory = memory
        self.matrix = matrix
        gigabytesPerSecond = memory.map(\.rate).max() ?? 0
        gigaflopsPerSecond = matrix.map(\.rate).max() ?? 0
    }

    /// The least time for moving so many bytes and doing so many operations, in seconds: the longer of the two.
    public func floorSeconds(bytes: Int, operations: Int) -> Double {
        max(Double(bytes) / 1e9 / gigabytesPerSecond, Double(operations) / 1e9 / gigaflopsPerSecond)
    }

    /// Whether it is the bytes that ``floorSeconds(bytes:operations:)`` comes from.
    public func isBoundByMemory(bytes: Int, operations: Int) -> Bool {
        Double(bytes) / gigabytesPerSecond >= Double(operations) / gigaflopsPerSecond
    }

    /// Measures a device.
    /// - Parameters:
    ///   - bytes: How much each operand of a probe of memory holds.
    ///   - seconds: About how long a probe may take.
    static func measured(on backend: any Backend, bytes: Int, seconds: Double) throws -> DeviceCeilings {
        DeviceCeilings(
            memory: try memoryProbes(on: backend, bytes: bytes, seconds: seconds),
            matrix: try matrixProbes(on: backend, seconds: seconds))
    }

    private static func memoryProbes(on backend: any Backend, bytes: Int, seconds: Double) throws -> [Probe] {
        let rows = max(1, bytes / (4 * 1024))
        let size = "\(rows * 4 / 1024) MiB"
        let a = try backend.upload([Float](repeating: 1, count: rows * 1024), [rows, 1024])
        let b = try backend.add(a, a)
        let sum = try backend.allocate(a.shape, .f32)
        let timer = RunTimer(backend)
        var probes = [
            Probe(
                name: "sum of two f32 tensors of \(size)",
                rate: Double(3 * a.byteCount) / 1e9 / (try fastest(timer, seconds) { _ = try backend.add(a, b, into: sum) }))
        ]
        if let vulkan = backend as? VulkanBackend {
            // Copies have no timestamps: several are waited for together, so that waiting is no part worth mentioning.
            let copies = 8
            let source = try vulkan.device.makeBuffer(byteCount: a.byteCount)
            let target = try vulkan.device.makeBuffer(byteCount: a.byteCount)
            let time = try fastest(timer, seconds) {
                for index in 0..<copies {
                    let (from, to) = index % 2 == 0 ? (source, target) : (target, source)
                    try vulkan.stream.copy(from: from, byteOffset: 0, to: to, byteOffset: 0, byteCount: a.byteCount)
                }
            }
            probes.append(Probe(name: "copy of a buffer of \(size)", rate: Double(2 * copies * a.byteCount) / 1e9 / time))
        }
        return probes
    }

    /// Products of growing size in each pair of types that the device multiplies, as long as the next is expected to take a moment.
    private static func matrixProbes(on backend: any Backend, seconds: Double) throws -> [Probe] {
        let timer = RunTimer(backend)
        let types: [(x: DType, weight: DType)] = [(.f32, .f32), (.f32, .f16), (.f16, .f16)]
        var probes: [Probe] = []
        for (x, weight) in types {
            var best: Probe?
            var extent = 256
            var expected = 0.0
            while extent <= 8192, expected < seconds {
                let time: Double
                do {
                    let inputs = try [x, weight].map { dtype in
                        let half = [Float16](repeating: 0.5, count: dtype == .f16 ? extent * extent : 0)
                        return dtype == .f16
                            ? try backend.upload(half, [extent, extent], .f16)
                            : try backend.upload([Float](repeating: 0.5, count: extent * extent), [extent, extent])
                    }
                    let product = try backend.allocate([extent, extent], x)
                    time = try fastest(timer, seconds) { _ = try backend.linear(inputs[0], weight: inputs[1], into: product) }
                } catch let error as TensorError {
                    if case .deviceLost = error { throw error }
                    // A device need not multiply every pair of types, nor have room for every size.
                    break
                }
                let rate = 2 * Double(extent * extent * extent) / 1e9 / time
                if rate > best?.rate ?? 0 { best = Probe(name: "\(extent)³ \(x) × \(weight)", rate: rate) }
                expected = 8 * time
                extent *= 2
            }
            if let best { probes.append(best) }
        }
        return probes
    }

    private static func fastest(_ timer: RunTimer, _ seconds: Double, _ run: @escaping () throws -> Void) throws -> Double {
        // The first run compiles kernels and touches new memory.
        let first = try timer.measure([run], count: 1, expected: seconds).seconds[0]
        let second = try timer.measure([run], count: 1, expected: first).seconds[0]
        let count = min(1000, max(2, Int(seconds / max(second, 1e-6))))
        return min(second, try timer.measure([run], count: count, expected: second).seconds.min()!)
    }
}
