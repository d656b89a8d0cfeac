import Tensors

extension VulkanBackend {
    public func argmax(_ operation: ArgmaxOperation) throws {
        let name = "argmax"
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(operation.x.shape[0]))
        arguments.number(UInt32(operation.x.shape[1]))
        try run("selection/argmax", constants: [rowGroupIsOneSubgroup], launch(rows: operation.x.shape[0]), arguments, name)
    }

    public func topK(_ operation: TopKOperation) throws {
        let name = "topK"
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.values, name), .write)
        arguments.buffer(try place(of: operation.indices, name), .write)
        arguments.number(UInt32(operation.x.shape[0]))
        arguments.number(UInt32(operation.x.shape[1]))
        arguments.number(UInt32(operation.count))
        try run("selection/topK", constants: [rowGroupIsOneSubgroup], launch(rows: operation.x.shape[0]), arguments, name)
    }
}
