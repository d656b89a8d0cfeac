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
        // The median is searched for in eight passes and one more; x has no more rows than a sequence.
        let passes = operation.pooling == .median ? 9 : operation.pooling == .last ? 0 : 1
        let rows = min(operation.maximumCount, operation.x.shape[0])
        let launch = try launch(elements: Int(elements), iterations: passes * rows, name)
        try run("pool/rows-\(operation.pooling.rawValue)", activations: operation.x.dtype, launch, arguments, name)
    }
}
