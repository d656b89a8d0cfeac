import Tensors

/// One operation at a size that a model has, with what it must move and do: the floor that a measured time is held against.
public struct KernelBenchmark: Sendable {
    /// The name of the backend's method.
    public let operation: String
    /// The class of model the size comes from.
    public let model: ModelClass
    /// The shapes, types and options.
    public let shapes: String
    /// The fewest bytes: each input read once, each output written once.
    public let bytes: Int
    /// Floating-point operations: a multiplication and an addition count one each, and so does a comparison; 0 for a movement.
    public let operations: Int
    let make: @Sendable (BenchmarkInputs) throws -> () throws -> Void

    /// Makes the inputs and outputs on a backend.
    /// - Returns: A function that runs the operation once, into the same outputs every time where the operation lets it.
    public func prepare(on backend: any Backend) throws -> () throws -> Void {
        try make(BenchmarkInputs(backend, seed: UInt64(operations ^ bytes)))
    }
}

/// The sizes of a decoder.
public struct ModelClass: Sendable, Equatable {
    public let name: String
    let channels, feedForward, heads, keyHeads, headChannels, vocabulary: Int

    /// SmolLM2-135M.
    public static let small = ModelClass(
        name: "135M", channels: 576, feedForward: 1536, heads: 9, keyHeads: 3, headChannels: 64, vocabulary: 49_152)
    /// Llama 3 8B.
    public static let large = ModelClass(
        name: "8B", channels: 4096, feedForward: 14_336, heads: 32, keyHeads: 8, headChannels: 128, vocabulary: 128_256)

    public static let all = [small, large]
}

/// Makes tensors for a benchmark. Random rows are few and repeat: a kernel's speed does not depend on them, and they are made quickly.
final class BenchmarkInputs {
    let backend: any Backend
    private var generator: CheckGenerator

    init(_ backend: any Backend, seed: UInt64) {
        self.backend = backend
        generator = CheckGenerator(seed: seed)
    }

    func floats(_ shape: Shape) throws -> Tensor {
        let pattern = generator.normals(min(shape.count, 4099))
        return try backend.upload((0..<shape.count).map { pattern[$0 % pattern.count] }, shape)
    }

    /// Ascending columns.
    func sorted(_ samples: Int, _ channels: Int) throws -> Tensor {
        let column = generator.normals(samples).sorted()
        return try backend.upload(column.flatMap { [Float](repeating: $0, count: channels) }, [samples, channels])
    }

    func integers(_ elements: [Int32]) throws -> Tensor { try backend.upload(elements) }

    func weight(_ rows: Int, _ columns: Int, _ dtype: DType) throws -> Tensor {
        let pattern = CheckWeight(rows: min(rows, 16), columns: columns, dtype, &generator)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(dtype.byteCount(elements: rows * columns)!)
        let rowBytes = dtype.byteCount(elements: columns)!
        for row in 0..<rows {
            let start = row % pattern.shape[0] * rowBytes
            bytes += pattern.memory.contents[start..<start + rowBytes]
        }
        return try bytes.withUnsafeBytes { try backend.upload($0, [rows, columns], dtype) }
    }

    /// The maps that the rows of an activation take in turn, besides the identity in row 0 of the table.
    static let maps = 3

    func transport(_ rows: Int, _ channels: Int) throws -> TransportApplication {
        let table = (0..<(Self.maps + 1) * channels).flatMap { _ in [1.1, 0.05, -.infinity, 1] as [Float] }
        return TransportApplication(
            table: try backend.upload(table, [Self.maps + 1, channels, 4]),
            indices: try integers((0..<rows).map { Int32(1 + $0 % Self.maps) }),
            strengths: try backend.upload([Float](repeating: 0.7, count: rows)))
    }

    func output(_ shape: Shape, _ dtype: DType = .f32) throws -> Tensor { try backend.allocate(shape, dtype) }
}
