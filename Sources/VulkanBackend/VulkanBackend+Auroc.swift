import Tensors

extension VulkanBackend {
    /// Ranks of source samples among target samples, counted over partitions and then together.
    public func aurocColumns(_ operation: AurocColumnsOperation) throws {
        let name = "aurocColumns"
        _ = try count(operation.source, name)
        _ = try count(operation.target, name)
        let (samples, channels) = (operation.source.shape[0], operation.source.shape[1])
        let targetCount = operation.target.shape[0]
        // A rank takes two searches, each of which doubles its steps and then halves them.
        let searches = 4 * (Int.bitWidth - targetCount.leadingZeroBitCount + 1)
        let partitions = partitions(of: samples, columns: channels, iterations: searches)
        let counts = try scratch(partitions * channels * 8, name)

        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.source, name), .read)
        arguments.buffer(try place(of: operation.target, name), .read)
        arguments.buffer(counts, .write)
        arguments.number(UInt32(samples))
        arguments.number(UInt32(targetCount))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(partitions))
        let iterations = (samples + partitions - 1) / partitions * (searches + 1)
        try run("fit/ranks", launch(columns: channels, partitions: partitions, iterations: iterations, name), arguments, name)

        arguments = KernelArguments()
        arguments.buffer(counts, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(samples))
        arguments.number(UInt32(targetCount))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(partitions))
        try run("fit/auroc", launch(elements: channels, iterations: partitions, name), arguments, name)
    }
}
