import Tensors

extension VulkanBackend {
    /// Ranks of source samples among target samples, counted over stretches and then together.
    public func aurocColumns(_ operation: AurocColumnsOperation) throws {
        let name = "aurocColumns"
        _ = try count(operation.source, name)
        _ = try count(operation.target, name)
        let (samples, channels) = (operation.source.shape[0], operation.source.shape[1])
        let targetCount = operation.target.shape[0]
        // A rank takes two searches, each of which doubles its steps and then halves them.
        let searches = 4 * (Int.bitWidth - targetCount.leadingZeroBitCount + 1)
        let stretches = stretches(of: samples, columns: channels, iterations: searches)
        let counts = try scratch(stretches * channels * 8, name)

        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.source, name), .read)
        arguments.buffer(try place(of: operation.target, name), .read)
        arguments.buffer(counts, .write)
        arguments.number(UInt32(samples))
        arguments.number(UInt32(targetCount))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(stretches))
        let iterations = (samples + stretches - 1) / stretches * (searches + 1)
        try run("fit/ranks", launch(columns: channels, stretches: stretches, iterations: iterations, name), arguments, name)

        arguments = KernelArguments()
        arguments.buffer(counts, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(samples))
        arguments.number(UInt32(targetCount))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(stretches))
        try run("fit/auroc", launch(elements: channels, iterations: stretches, name), arguments, name)
    }
}
