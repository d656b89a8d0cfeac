import CrossCheck
import Tensors

/// Makes tensors for a benchmark. Random rows are few and repeat: a kernel's speed does not depend on them, and they are made quickly.
final class BenchmarkInputs {
    let backend: any Backend
    private let contents: BenchmarkContents
    private var generator: CheckGenerator

    init(_ backend: any Backend, contents: BenchmarkContents, seed: UInt64) {
        self.backend = backend
        self.contents = contents
        generator = CheckGenerator(seed: seed)
    }

    /// Normal numbers as f32 or f16.
    func floats(_ shape: Shape, _ dtype: DType = .f32) throws -> Tensor {
        precondition(dtype == .f32 || dtype == .f16, "activations are f32 or f16")
        return try upload(shape, dtype) {
            let pattern = generator.normals(min(shape.count, 4099))
            return dtype == .f16
                ? Self.bytes(Self.repeated(pattern.map { Float16($0) }, shape.count)) : Self.bytes(Self.repeated(pattern, shape.count))
        }
    }

    /// Ascending columns.
    func sorted(_ samples: Int, _ channels: Int) throws -> Tensor {
        try upload([samples, channels], .f32) {
            let column = generator.normals(samples).sorted()
            return Self.bytes(column.flatMap { [Float](repeating: $0, count: channels) })
        }
    }

    func integers(_ elements: [Int32]) throws -> Tensor { try backend.upload(elements) }

    /// A matrix of any type that weights have.
    func weight(_ rows: Int, _ columns: Int, _ dtype: DType) throws -> Tensor {
        try upload([rows, columns], dtype) {
            let pattern = CheckWeight(rows: min(rows, 16), columns: columns, dtype, &generator)
            return Self.repeated(pattern.bytes, dtype.byteCount(elements: rows * columns)!)
        }
    }

    /// The maps that the rows of an activation take in turn, besides the identity in row 0 of the table.
    static let maps = 3

    /// - Parameter rows: The rows, or images, that have an index and a strength each.
    /// - Parameter isGated: Whether each map has a gate.
    func transport(
        _ rows: Int, _ channels: Int, _ spatial: SpatialMode = .pointwise, isGated: Bool = false
    ) throws -> TransportApplication {
        let table = (0..<(Self.maps + 1) * channels).flatMap { _ in [1.1, 0.05, -.infinity, 1] as [Float] }
        return TransportApplication(
            table: try backend.upload(table, [Self.maps + 1, channels, 4]),
            indices: try integers((0..<rows).map { Int32(1 + $0 % Self.maps) }),
            strengths: try backend.upload([Float](repeating: 0.7, count: rows)), spatial: spatial,
            gates: isGated ? try TransportGates(weights: floats([Self.maps + 1, channels]), intercepts: floats([Self.maps + 1])) : nil)
    }

    /// The clusters of a map.
    static let clusters = 4

    /// Maps between clusters, which the rows take in turn.
    func clusterTransport(_ rows: Int, _ channels: Int) throws -> TransportApplication {
        let extents: Shape = [Self.maps + 1, Self.clusters, channels]
        return TransportApplication(
            clusters: TransportClusters(
                weights: try floats(extents), intercepts: try floats([Self.maps + 1, Self.clusters]), shifts: try floats(extents)),
            indices: try integers((0..<rows).map { Int32(1 + $0 % Self.maps) }),
            strengths: try backend.upload([Float](repeating: 0.7, count: rows)))
    }

    /// Memory that an operation writes. It is written once beforehand, so that no run waits for the system to provide it.
    func output(_ shape: Shape, _ dtype: DType = .f32) throws -> Tensor {
        try upload(shape, dtype) { [UInt8](repeating: 0, count: dtype.byteCount(elements: shape.count)!) }
    }

    private func upload(_ shape: Shape, _ dtype: DType, _ make: () -> [UInt8]) throws -> Tensor {
        try contents.next(make).withUnsafeBytes { try backend.upload($0, shape, dtype) }
    }

    private static func bytes<Element: BitwiseCopyable>(_ elements: [Element]) -> [UInt8] {
        elements.withUnsafeBytes { Array($0) }
    }

    /// `count` elements: the pattern again and again.
    private static func repeated<Element>(_ pattern: [Element], _ count: Int) -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(count)
        while elements.count < count { elements += pattern.prefix(count - elements.count) }
        return elements
    }
}

/// The contents of a benchmark's inputs in the order they are made, kept so that further copies need not make them again.
final class BenchmarkContents {
    private var kept: [[UInt8]] = []
    private var position = 0

    /// The same contents, to be given out from the first on.
    func fromTheStart() -> BenchmarkContents {
        position = 0
        return self
    }

    func next(_ make: () -> [UInt8]) -> [UInt8] {
        if position == kept.count { kept.append(make()) }
        defer { position += 1 }
        return kept[position]
    }
}
