import CSimd
import Tensors

extension CPUBackend {
    /// The tables of an application that an operation is about to apply, as the kernels read them. What was read after it the last time is asked for
    /// while the operations in between run.
    /// - Parameters:
    ///   - shape: That of the activation the map acts on.
    ///   - gain: What a norm multiplies the channels by.
    func applied(
        _ transport: TransportApplication?, on shape: Shape, gain: UnsafePointer<Float>? = nil, _ operation: String
    ) throws -> monge_transport {
        let map = try monge_transport(transport, on: shape, operation)
        // Where rows are many, gain and map are little beside their arithmetic.
        guard (1...Self.rowsOfReadAhead).contains(shape.rows), gain != nil || map.table != nil else { return map }
        var place = ReadSequence.Place(gain: UInt(bitPattern: gain))
        if let table = map.table {
            // Of several rows with several maps, that of the first is read ahead.
            let index = Int(map.indices[0])
            if index > 0, index < map.maps, map.strengths[0] != 0 { place.map = UInt(bitPattern: table + index * 4 * map.channels) }
        }
        // Operations that follow one another mostly have as many channels.
        let next = readSequence.next(after: place)
        let float = MemoryLayout<Float>.stride
        workers.expect(
            monge_stretch(start: next.gain, bytes: next.gain == 0 ? 0 : shape.channels * float),
            monge_stretch(start: next.map, bytes: next.map == 0 ? 0 : 4 * shape.channels * float))
        return map
    }

    private static var rowsOfReadAhead: Int { 32 }
}
