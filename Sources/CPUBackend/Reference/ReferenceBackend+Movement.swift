import Tensors

extension ReferenceBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let indices = try operation.indices.hostIntegers(name)
        let table = UnsafeRawPointer(try operation.table.hostPointer(name))
        let output = try operation.output.hostFloats(name)
        let (entries, channels) = (operation.table.shape[0], operation.table.shape[1])
        let rowBytes = operation.table.dtype.byteCount(elements: channels)!
        for row in 0..<operation.indices.shape.count {
            let index = Int(indices[row])
            let values = output + row * channels
            if (0..<entries).contains(index) {
                WeightDecoding.decode(table + index * rowBytes, operation.table.dtype, count: channels, into: values)
            } else {
                values.update(repeating: 0, count: channels)
            }
        }
    }

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let name = "scatterRows"
        let rows = try operation.rows.hostFloats(name)
        let indices = try operation.indices.hostIntegers(name)
        let destination = try operation.destination.hostFloats(name)
        let channels = operation.channels
        for row in 0..<operation.indices.shape.count {
            let index = Int(indices[row])
            guard (0..<operation.destination.shape[0]).contains(index) else { continue }
            (destination + index * channels).update(from: rows + row * channels, count: channels)
        }
    }
}
