import CSimd
import Tensors

extension CPUBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let indices = try operation.indices?.hostIntegers(name)
        let table = try operation.table.hostElements(UInt8.self, name)
        let output = try operation.output.hostPointer(name)
        let (entries, channels) = (operation.table.shape[0], operation.table.shape[1])
        let rowBytes = operation.table.dtype.byteCount(elements: channels)!
        let (from, to) = (operation.table.dtype, operation.output.dtype)
        let room = from != to && to == .f16 ? try threadScratch.take(channels) : nil
        workers.ranges(operation.rows, cost: channels) { range, thread in
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

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let indices = try operation.indices.hostIntegers("scatterRows")
        let places = (0..<operation.indices.shape.count).map { row in
            (0..<operation.destination.shape[0]).contains(Int(indices[row])) ? Int(indices[row]) : -1
        }
        try put(operation.rows, into: operation.destination, at: places, channels: operation.channels, "scatterRows")
    }

    public func storeKeys(_ operation: StoreKeysOperation) throws {
        let name = "storeKeys"
        let places = try KeyBlocks(operation.segments, cache: operation.keyCache, name)
            .places(rows: operation.keys.shape[0], sequences: operation.segments.count)
        try put(operation.keys, into: operation.keyCache, at: places, channels: operation.channels, name)
        try put(operation.values, into: operation.valueCache, at: places, channels: operation.channels, name)
    }

    /// Copies rows over others; those whose place is negative are left out.
    private func put(_ rows: Tensor, into destination: Tensor, at places: [Int], channels: Int, _ name: String) throws {
        let (sources, destinations) = (
            try rows.hostElements(UInt8.self, name), try destination.hostElements(UInt8.self, name)
        )
        let (from, to) = (rows.dtype, destination.dtype)
        let (fromBytes, toBytes) = (channels * from.blockBytes, channels * to.blockBytes)
        workers.ranges(places.count, cost: channels) { range, _ in
            for row in range where places[row] >= 0 {
                let (source, place) = (sources + row * fromBytes, destinations + places[row] * toBytes)
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
