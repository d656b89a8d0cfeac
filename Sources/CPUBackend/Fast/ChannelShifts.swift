import CSimd
import Tensors

/// The shifts of a channelMean map.
struct ChannelShifts {
    private let transport: monge_transport
    private let pixels: Int

    init(_ transport: TransportApplication, on shape: Shape, _ operation: String) throws {
        self.transport = try monge_transport(transport, on: shape, operation)
        pixels = shape.rows / shape.images
    }

    /// λ·(ω·z + β − z) for a channel whose mean over the image is z; 0 where z lies outside the support or the image has no map.
    func callAsFunction(_ z: Double, image: Int, channel: Int) -> Float {
        let row = image * pixels
        let index = Int(transport.indices[row / transport.rows_per_index])
        let strength = transport.strengths[row / transport.rows_per_strength]
        guard index > 0, index < transport.maps, strength != 0 else { return 0 }
        let map = transport.table + (index * transport.channels + channel) * 4
        guard Double(map[2]) < z, z < Double(map[3]) else { return 0 }
        return Float(Double(strength) * (Double(map[0]) * z + Double(map[1]) - z))
    }
}
