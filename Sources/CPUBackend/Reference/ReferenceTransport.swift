import Tensors

/// The maps of a ``TransportApplication``, resolved for the rows of one activation.
struct ReferenceTransport {
    private let table: UnsafePointer<Float>
    private let maps: Int
    private let channels: Int
    private let indices: UnsafePointer<Int32>
    private let indicesPerRow: Bool
    private let strengths: UnsafePointer<Float>
    private let strengthsPerRow: Bool

    init(_ transport: TransportApplication, _ operation: String) throws {
        table = UnsafePointer(try transport.table.hostFloats(operation))
        maps = transport.table.shape[0]
        channels = transport.table.shape[1]
        indices = UnsafePointer(try transport.indices.hostIntegers(operation))
        indicesPerRow = transport.indices.shape.count > 1
        strengths = UnsafePointer(try transport.strengths.hostFloats(operation))
        strengthsPerRow = transport.strengths.shape.count > 1
    }

    /// `x + λ·(ω·x + β − x)` where low < x < high; x itself, bit for bit, elsewhere, where λ = 0, and where the row has no map.
    func callAsFunction(_ x: Float, row: Int, channel: Int) -> Float {
        let index = Int(indices[indicesPerRow ? row : 0])
        let strength = strengths[strengthsPerRow ? row : 0]
        guard index > 0, index < maps, strength != 0 else { return x }
        let map = table + (index * channels + channel) * 4
        let (omega, beta, low, high) = (Double(map[0]), Double(map[1]), map[2], map[3])
        guard low < x, x < high else { return x }
        let value = Double(x)
        return Float(value + Double(strength) * (omega * value + beta - value))
    }
}
