import Tensors

extension VulkanBackend {
    public func pool(_ operation: PoolOperation) throws {
        let name = "pool"
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.starts, name), .read)
        arguments.buffer(try place(of: operation.counts, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(operation.x.shape[0]))
        arguments.number(UInt32(operation.starts.shape.count))
        arguments.number(UInt32(operation.x.shape[1]))
        let elements = try count(operation.output, name)
        try run("pool/rows-\(operation.pooling.rawValue)", launch(elements: Int(elements)), arguments, name)
    }
}
