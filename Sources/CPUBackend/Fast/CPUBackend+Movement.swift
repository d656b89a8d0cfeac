import CSimd
import Tensors

extension CPUBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let indices = try operation.indices.hostIntegers(name)
        let table = try operation.table.hostElements(UInt8.self, name)
        let output = try operation.output.hostFloats(name)
        let (entries, channels) = (operation.table.shape[0], operation.table.shape[1])
        let rowBytes = operation.table.dtype.byteCount(elements: channels)!
        let type = operation.table.dtype.kernelType
        workers.ranges(operation.indices.shape.count, cost: channels) { range, _ in
            for row in range {
                let index = Int(indices[row])
                let values = output + row * channels
                if (0..<entries).contains(index) {
                    kernels.pointee.decode(type, table + index * rowBytes, channels, values)
                } else {
                    values.update(repeating: 0, count: channels)
                }
            }
        }
    }

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let name = "scatterRows"
        let rows = try operation.rows.hostFloats(name)
        let indices = try operation.indices.hostIntegers(name)
        let destination = try operation.destination.hostFloats(name)
        let (channels, places) = (operation.channels, operation.destination.shape[0])
        workers.ranges(operation.indices.shape.count, cost: channels) { range, _ in
            for row in range {
                let index = Int(indices[row])
                guard (0..<places).contains(index) else { continue }
                (destination + index * channels).update(from: rows + row * channels, count: channels)
            }
        }
    }
}
