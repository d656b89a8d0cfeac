import Tensors

extension VulkanBackend {
    /// A bitonic network of compare-exchanges: four steps to a dispatch in registers, and in shared memory all that stay within a partition.
    public func sortColumns(_ operation: SortColumnsOperation) throws {
        let name = "sortColumns"
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        let x = try place(of: operation.x, name)
        let output = try place(of: operation.output, name)
        _ = try count(operation.x, name)
        // A power of two, so that each bit of a group's number is a bit of its elements' numbers.
        var groups = 1
        while groups * 16 < samples { groups *= 2 }
        for pass in SortPass.sorting(samples, tileBits: sortTileBits(samples)) {
            var arguments = KernelArguments()
            switch pass {
            case .sixteens:
                arguments.buffer(x, .read)
                arguments.buffer(output, .write)
                arguments.number(UInt32(samples))
                arguments.number(UInt32(channels))
                try run("fit/sort16", launch(elements: (samples + 15) / 16 * channels, name), arguments, name)
            case .merge(let begins, let bit):
                arguments.buffer(output, .readWrite)
                arguments.number(UInt32(samples))
                arguments.number(UInt32(channels))
                arguments.number(UInt32(bit))
                arguments.number(UInt32(groups))
                let launch = try launch(elements: Int(count(groups * channels, name)), name)
                try run("fit/merge-\(begins ? 1 : 0)", launch, arguments, name)
            case .tiles(let begins, let bits):
                arguments.buffer(begins ? x : output, .read)
                arguments.buffer(output, begins ? .write : .readWrite)
                arguments.number(UInt32(samples))
                arguments.number(UInt32(channels))
                let tiles = ((samples + (1 << bits) - 1) >> bits) * ((channels + 7) / 8)
                // Some fifteen passes of two loops over the sixteens of eight columns.
                let launch = try launch(groups: tiles, of: (256, 1), iterations: (1 << bits) / 2 + bits * bits, name)
                try run("fit/sortTile-\(begins ? 1 : 0)", constants: [UInt32(bits)], launch, arguments, name)
            }
        }
    }

    /// The samples, 2 to this power, of eight columns that are sorted in shared memory, which keeps a row of keys free after every sixteen.
    private func sortTileBits(_ samples: Int) -> Int? {
        guard family == .tiles else { return nil }
        let largest = [10, 9].first { ((1 << $0) + (1 << $0) / 16) * 8 * 4 <= device.report.limits.sharedMemory }
        // No more than there are samples; few sizes, so that there are few pipelines to compile.
        return largest.map { largest in [6, 8].first { samples <= 1 << $0 } ?? largest }
    }

    /// The sums of each column over partitions of samples, and the maps from them.
    public func fitColumns(_ operation: FitColumnsOperation) throws {
        let name = "fitColumns"
        _ = try count(operation.source, name)
        _ = try count(operation.target, name)
        let source = try place(of: operation.source, name)
        let target = try place(of: operation.target, name)
        let (sourceCount, targetCount) = (operation.source.shape[0], operation.target.shape[0])
        let columns = operation.source.shape[1]
        let samples = max(sourceCount, targetCount)
        // Source, target and pairs have a loop each.
        let partitions = partitions(of: samples, columns: columns, iterations: 3)
        let sums = try scratch(Int(try count(partitions * columns * Self.fitSums, name)) * 8, name)

        var arguments = KernelArguments()
        arguments.buffer(source, .read)
        arguments.buffer(target, .read)
        arguments.buffer(sums, .write)
        let sizes = [sourceCount, targetCount, columns, partitions].map { UInt32($0) }
        sizes.forEach { arguments.number($0) }
        let pairing = operation.method != .linear ? "none" : sourceCount == targetCount ? "equal" : "unequal"
        let iterations = 3 * ((samples + partitions - 1) / partitions)
        try run(
            "fit/sums-\(pairing)", launch(columns: columns, partitions: partitions, iterations: iterations, name), arguments, name)

        arguments = KernelArguments()
        arguments.buffer(source, .read)
        arguments.buffer(target, .read)
        arguments.buffer(sums, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        sizes.forEach { arguments.number($0) }
        switch operation.method {
        case .linear: arguments.number(0)
        case .mean: arguments.number(1)
        case .gaussian: arguments.number(2)
        }
        arguments.real(FitColumnsOperation.deadDeviation)
        arguments.real(FitColumnsOperation.deadRatio)
        try run("fit/finish", launch(elements: columns, iterations: partitions, name), arguments, name)
    }

    /// What a partition of a column leaves, each a pair of floats (FIT_SUMS in Shaders/fit).
    private static let fitSums = 8

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

/// One dispatch of the network that sorts columns.
enum SortPass: Equatable {
    /// Every 16 consecutive samples, in registers.
    case sixteens
    /// Four steps of a merge in registers, the lowest across `bit` of the samples' numbers; with `begins` the first of them is the mirror
    /// step.
    case merge(begins: Bool, bit: Int)
    /// Partitions of 2^bits samples in shared memory: sorted from the start, or the steps of a merge from bit `bits − 1` down.
    case tiles(begins: Bool, bits: Int)

    /// The passes for columns of a length.
    /// - Parameter tileBits: nil for a device that does without shared memory.
    static func sorting(_ samples: Int, tileBits: Int?) -> [SortPass] {
        var passes = [tileBits.map { SortPass.tiles(begins: true, bits: $0) } ?? .sixteens]
        var sorted = tileBits ?? 4
        while 1 << sorted < samples {
            sorted += 1
            // The mirror step and three more, then four bits at a time; the last may go over bits that are done already.
            var bit = sorted - 4
            passes.append(.merge(begins: true, bit: bit))
            while bit > tileBits ?? 0 {
                bit = max(tileBits ?? 0, bit - 4)
                passes.append(.merge(begins: false, bit: bit))
            }
            if let tileBits { passes.append(.tiles(begins: false, bits: tileBits)) }
        }
        return passes
    }
}
