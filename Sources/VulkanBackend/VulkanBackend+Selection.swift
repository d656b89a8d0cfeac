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
        let launch = try launch(rows: operation.x.shape[0], of: operation.x.shape[1], passes: 1, name)
        try run("selection/argmax", activations: operation.x.dtype, constants: [rowGroupIsOneSubgroup], launch, arguments, name)
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
        // Eight passes to find the smallest selected element, two to collect.
        let groupSize = family == .lanes ? 8 * subgroupSize : 256
        let iterations =
            10 * (operation.x.shape[1] / groupSize + 1) + 8 * 15 * groupSize / subgroupSize
            + operation.count * (operation.count / groupSize + 1)
        let launch = try launch(groups: operation.x.shape[0], of: (groupSize, 1), iterations: iterations, name)
        try run("selection/topK", activations: operation.x.dtype, launch, arguments, name)
    }

    public func sample(_ operation: SampleOperation) throws {
        let name = "sample"
        let (rows, tokens, options) = (operation.x.shape[0], operation.x.shape[1], operation.options)
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.uniforms, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(tokens))
        arguments.number(UInt32(min(options.topK ?? tokens, tokens)))
        arguments.number(UInt32(SampleWeight.fraction(options.topP)))
        arguments.real(1 / options.temperature)
        let groupSize = family == .lanes ? 8 * subgroupSize : 256
        // A search goes over the row nine times and over the sums of the subgroups for each digit; besides, the row is gone over five times.
        let searches = (options.topK ?? tokens < tokens ? 1 : 0) + (options.topP < 1 ? 1 : 0)
        let iterations =
            (5 + 9 * searches) * (tokens / groupSize + 1) + searches * 8 * 16 * (groupSize / subgroupSize + 1) + 3 * groupSize
        let launch = try launch(groups: rows, of: (groupSize, 1), iterations: iterations, name)
        try run("selection/sample", activations: operation.x.dtype, launch, arguments, name)
    }
}
