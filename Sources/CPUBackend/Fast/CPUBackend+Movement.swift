import CSimd
import Tensors

extension CPUBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let indices = try operation.indices.map { try integers(of: $0, name) }
        let (weight, rows) = (operation.table, operation.rows)
        let output = try place(of: operation.output, name)
        let (entries, channels) = (weight.shape[0], weight.shape[1])
        let rowBytes = weight.dtype.byteCount(elements: channels)!
        let (from, to) = (weight.dtype, operation.output.dtype)
        try perform { [self] in
            // A product that shares it may have put it in another order since.
            let table = try weight.hostElements(UInt8.self, name)
            let room = from != to && to == .f16 ? try threadScratch.take(channels) : nil
            workers.ranges(rows, cost: channels) { range, thread in
                for row in range {
                    let index = indices.map { Int($0[row]) } ?? row
                    let values = output + row * channels * to.blockBytes
                    let source = table + index * rowBytes
                    if !(0..<entries).contains(index) {
                        // A zero of either type.
                        values.initializeMemory(as: UInt8.self, repeating: 0, count: channels * to.blockBytes)
                    } else if from == to {
                        values.copyMemory(from: source, byteCount: rowBytes)
                    } else if let room {
                        kernels.pointee.decode(from.kernelType, source, channels, room[thread])
                        kernels.pointee.encode(MONGE_F16, room[thread], channels, values.assumingMemoryBound(to: UInt8.self))
                    } else {
                        kernels.pointee.decode(from.kernelType, source, channels, values.assumingMemoryBound(to: Float.self))
                    }
                }
            }
        }
    }

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let name = "scatterRows"
        let indices = try integers(of: operation.indices, name)
        let (count, entries) = (operation.indices.shape.count, operation.destination.shape[0])
        let rows = try MovedRows(operation.rows, into: operation.destination, channels: operation.channels, self, name)
        try perform { [self] in
            put(rows, at: (0..<count).map { (0..<entries).contains(Int(indices[$0])) ? Int(indices[$0]) : -1 })
        }
    }

    public func storeKeys(_ operation: StoreKeysOperation) throws {
        let name = "storeKeys"
        let blocks = try KeyBlocks(operation.segments, cache: operation.keyCache, name, recording)
        let (rows, sequences) = (operation.keys.shape[0], operation.segments.count)
        let keys = try MovedRows(operation.keys, into: operation.keyCache, channels: operation.channels, self, name)
        let values = try MovedRows(operation.values, into: operation.valueCache, channels: operation.channels, self, name)
        try perform { [self] in
            let places = blocks.places(rows: rows, sequences: sequences)
            put(keys, at: places)
            put(values, at: places)
        }
    }

    /// Copies rows over others; those whose place is negative are left out.
    private func put(_ rows: MovedRows, at places: [Int]) {
        let (from, to, channels) = (rows.from, rows.to, rows.channels)
        let (fromBytes, toBytes) = (channels * from.blockBytes, channels * to.blockBytes)
        workers.ranges(places.count, cost: channels) { range, _ in
            for row in range where places[row] >= 0 {
                let (source, place) = (rows.sources + row * fromBytes, rows.destinations + places[row] * toBytes)
                if from == to {
                    place.update(from: source, count: toBytes)
                } else if to == .f16 {
                    source.withMemoryRebound(to: Float.self, capacity: channels) {
                        kernels.pointee.encode(MONGE_F16, $0, channels, place)
                    }
                } else {
                    place.withMemoryRebound(to: Float.self, capacity: channels) {
                        kernels.pointee.decode(MONGE_F16, source, channels, $0)
                    }
                }
            }
        }
    }
}

/// Rows that become some of the rows of another tensor, of f32 or f16 each.
private struct MovedRows {
    let sources, destinations: UnsafeMutablePointer<UInt8>
    let from, to: DType
    let channels: Int

    init(_ rows: Tensor, into destination: Tensor, channels: Int, _ backend: CPUBackend, _ operation: String) throws {
        sources = try backend.place(of: rows, operation).assumingMemoryBound(to: UInt8.self)
        destinations = try backend.place(of: destination, operation).assumingMemoryBound(to: UInt8.self)
        (from, to) = (rows.dtype, destination.dtype)
        self.channels = channels
    }
}
