import Tensors

extension VulkanBackend {
    /// A bitonic network of compare-exchanges, four steps to a dispatch.
    public func sortColumns(_ operation: SortColumnsOperation) throws {
        let name = "sortColumns"
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        let output = try place(of: operation.output, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(output, .write)
        _ = try count(operation.x, name)
        arguments.number(UInt32(samples))
        arguments.number(UInt32(channels))
        try run("fit/sort16", launch(elements: (samples + 15) / 16 * channels, name), arguments, name)

        // A power of two, so that each bit of a group's number is a bit of its elements' numbers.
        var groups = 1
        while groups * 16 < samples { groups *= 2 }
        let launch = try launch(elements: Int(count(groups * channels, name)), name)
        for pass in SortPass.merging(samples) {
            var arguments = KernelArguments()
            arguments.buffer(output, .readWrite)
            arguments.number(UInt32(samples))
            arguments.number(UInt32(channels))
            arguments.number(UInt32(pass.bit))
            arguments.number(UInt32(groups))
            try run("fit/merge-\(pass.isFirst ? 1 : 0)", launch, arguments, name)
        }
    }

    public func fitColumns(_ operation: FitColumnsOperation) throws {
        let name = "fitColumns"
        _ = try count(operation.source, name)
        _ = try count(operation.target, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.source, name), .read)
        arguments.buffer(try place(of: operation.target, name), .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(operation.source.shape[0]))
        arguments.number(UInt32(operation.target.shape[0]))
        arguments.number(UInt32(operation.source.shape[1]))
        switch operation.method {
        case .linear: arguments.number(0)
        case .mean: arguments.number(1)
        case .gaussian: arguments.number(2)
        }
        arguments.real(FitColumnsOperation.deadDeviation)
        arguments.real(FitColumnsOperation.deadRatio)
        // Columns along x; along y, invocations that share the samples of a column.
        let groupSize = family == .lanes ? (subgroupSize, 16) : (32, 8)
        let columns = operation.source.shape[1]
        let samples = max(operation.source.shape[0], operation.target.shape[0])
        let launch = try launch(
            groups: (columns + groupSize.0 - 1) / groupSize.0, of: groupSize,
            iterations: 6 * (samples / groupSize.1 + 1) + 8 * groupSize.1, name)
        try run("fit/columns", launch, arguments, name)
    }

    public func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        let name = "quantileColumns"
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        let x = try place(of: operation.x, name)
        _ = try count(operation.x, name)
        // As many levels as the push constants hold.
        let most = 8
        for start in stride(from: 0, to: operation.levels.count, by: most) {
            let levels = operation.levels[start..<min(start + most, operation.levels.count)]
            var arguments = KernelArguments()
            arguments.buffer(x, .read)
            arguments.buffer(try place(of: operation.output.rows(levels.startIndex..<levels.endIndex), name), .write)
            arguments.number(UInt32(samples))
            arguments.number(UInt32(channels))
            arguments.number(UInt32(levels.count))
            for level in levels {
                let position = Double(samples - 1) * Double(level)
                arguments.number(UInt32(position))
                arguments.real(Float(position - position.rounded(.down)))
            }
            try run("fit/quantiles", launch(elements: levels.count * channels, name), arguments, name)
        }
    }
}

/// One dispatch of the network that merges sorted stretches of 16 into sorted columns.
struct SortPass: Equatable {
    /// Whether the pass begins a merge, with the mirror step.
    let isFirst: Bool
    /// The lowest bit of the elements' numbers that the pass compares across.
    let bit: Int

    /// The passes for columns of a length.
    static func merging(_ samples: Int) -> [SortPass] {
        var passes: [SortPass] = []
        var sorted = 4
        while 1 << sorted < samples {
            sorted += 1
            // The mirror step and three more, then four bits at a time; the last may go over bits that are done already.
            var bit = sorted - 4
            passes.append(SortPass(isFirst: true, bit: bit))
            while bit > 0 {
                bit = max(0, bit - 4)
                passes.append(SortPass(isFirst: false, bit: bit))
            }
        }
        return passes
    }
}
