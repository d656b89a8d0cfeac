import Tensors

extension VulkanBackend {
    /// The most elements of a row that an invocation keeps in registers.
    private static let mostHeld = 8

    public func softmax(_ operation: SoftmaxOperation) throws {
        let name = "softmax"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(channels))
        // Short rows, as those of attention scores over a prompt, have a subgroup each.
        let fitsSubgroup = family == .lanes && !exceedsIterations(3 * (channels / subgroupSize + 1) + 2)
        let isOneSubgroup = fitsSubgroup || channels <= Self.mostHeld * subgroupSize
        let groupSize = isOneSubgroup ? subgroupSize : 256
        let each = (channels + groupSize - 1) / groupSize
        // Powers of two, so that there are few pipelines.
        let held = [1, 2, 4, Self.mostHeld].first { each <= $0 } ?? 0
        let launch = try launch(groups: rows, of: (groupSize, 1), iterations: 3 * each + 2 * groupSize / subgroupSize, name)
        try run(
            "elementwise/softmax", activations: operation.x.dtype, constants: [isOneSubgroup ? 1 : 0, UInt32(held)], launch, arguments,
            name)
    }
}
