import Tensors

/// The maps of a ``TransportApplication``, resolved for one activation.
struct ReferenceTransport {
    private let spatial: SpatialMode
    private let table: UnsafePointer<Float>
    private let maps: Int
    private let shape: Shape
    private let indices: UnsafePointer<Int32>
    private let rowsPerIndex: Int
    private let strengths: UnsafePointer<Float>
    private let rowsPerStrength: Int

    /// - Parameter shape: The activation's.
    init(_ transport: TransportApplication, on shape: Shape, _ operation: String) throws {
        spatial = transport.spatial
        let table = try transport.affineTable(operation)
        self.table = UnsafePointer(try table.hostFloats(operation))
        maps = table.shape[0]
        self.shape = shape
        indices = UnsafePointer(try transport.indices.hostIntegers(operation))
        rowsPerIndex = TransportApplication.rowsSharing(transport.indices.shape.count, of: shape)
        strengths = UnsafePointer(try transport.strengths.hostFloats(operation))
        rowsPerStrength = TransportApplication.rowsSharing(transport.strengths.shape.count, of: shape)
    }

    /// The map of a row; nil where it stays as it is.
    func map(ofRow row: Int) -> Int? {
        let index = Int(indices[row / rowsPerIndex])
        return index > 0 && index < maps && strengths[row / rowsPerStrength] != 0 ? index : nil
    }

    /// `x + λ·g·(ω·x + β − x)` where low < x < high, for a row whose gate is g.
    func callAsFunction(_ x: Float, row: Int, channel: Int, gate: Double) -> Float {
        moved(x, by: x, row: row, channel: channel, gate: gate)
    }

    /// `x + λ·(ω·x + β − x)` where low < x < high; x itself, bit for bit, elsewhere, where λ = 0, and where the row has no map.
    func callAsFunction(_ x: Float, row: Int, channel: Int) -> Float { moved(x, by: x, row: row, channel: channel) }

    /// Maps a whole activation in place.
    func apply(to values: UnsafeMutablePointer<Float>) {
        let channels = shape.channels
        switch spatial {
        case .pointwise:
            for row in 0..<shape.rows {
                for channel in 0..<channels {
                    values[row * channels + channel] = self(values[row * channels + channel], row: row, channel: channel)
                }
            }
        case .channelMean:
            let pixels = shape.rows / shape.images
            for first in stride(from: 0, to: shape.rows, by: pixels) {
                for channel in 0..<channels {
                    var sum = 0.0
                    for row in first..<first + pixels { sum += Double(values[row * channels + channel]) }
                    for row in first..<first + pixels {
                        let index = row * channels + channel
                        values[index] = moved(values[index], by: sum / Double(pixels), row: row, channel: channel)
                    }
                }
            }
        }
    }

    /// `x + λ·g·(ω·z + β − z)` where low < z < high, x elsewhere.
    private func moved<Value: BinaryFloatingPoint>(_ x: Float, by z: Value, row: Int, channel: Int, gate: Double = 1) -> Float {
        guard let index = map(ofRow: row) else { return x }
        let strength = Double(strengths[row / rowsPerStrength]) * gate
        let map = table + (index * shape.channels + channel) * 4
        let (omega, beta, low, high) = (Double(map[0]), Double(map[1]), Double(map[2]), Double(map[3]))
        let wide = Double(z)
        guard low < wide, wide < high else { return x }
        return Float(Double(x) + strength * (omega * wide + beta - wide))
    }
}
