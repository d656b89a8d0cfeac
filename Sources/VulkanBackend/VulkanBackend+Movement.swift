import Tensors

extension VulkanBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let table = try place(of: operation.table, name)
        let dtype = operation.table.dtype
        let channels = operation.table.shape[1]
        _ = try count(dtype.isQuantised ? operation.table.shape.count / 32 : operation.table.shape.count, name)
        _ = try count(operation.output, name)
        let isByChunk = dtype.isQuantised || channels % 32 == 0 && table.isAligned(to: 16)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.indices, name), .read)
        arguments.buffer(table, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(operation.indices.shape.count))
        arguments.number(UInt32(operation.table.shape[0]))
        arguments.number(UInt32(channels))
        arguments.number(isByChunk ? 1 : 0)
        let chunks = operation.indices.shape.count * ((channels + 31) / 32)
        try run("movement/embedding-\(dtype.rawValue)", launch(elements: chunks, iterations: isByChunk ? 0 : 32, name), arguments, name)
    }

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let name = "scatterRows"
        _ = try count(operation.destination, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.rows, name), .read)
        arguments.buffer(try place(of: operation.indices, name), .read)
        arguments.buffer(try place(of: operation.destination, name), .write)
        arguments.number(UInt32(operation.indices.shape.count))
        arguments.number(UInt32(operation.channels))
        arguments.number(operation.channels == 0 ? 0 : UInt32(operation.destination.shape.count / operation.channels))
        try run("movement/scatterRows", launch(elements: Int(count(operation.rows, name)), name), arguments, name)
    }
}
