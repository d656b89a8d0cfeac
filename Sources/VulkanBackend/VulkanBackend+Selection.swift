import Tensors

extension VulkanBackend {
    public func argmax(_ operation: ArgmaxOperation) throws {
        let name = "argmax"
        let (x, output) = (try place(of: operation.x, name), try place(of: operation.output, name))
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        _ = try count(operation.x, name)
        let parts = argmaxParts(rows: rows, channels: channels)
        if parts == 1 { return try argmax(x, rows, channels, into: output, parts: nil, 1, operation.x.dtype) }
        let found = try scratch(8 * rows * parts, name)
        try argmax(x, rows, channels, into: found, parts: found, parts, operation.x.dtype)
        try argmax(found, rows, parts, into: output, parts: found, 1, operation.x.dtype)
    }

    /// Work-groups for each row: as many as keep the device busy four times over, none with less than two loads of four for each invocation
    /// (eight of them where groups are single subgroups, which are few and go over a row in turn).
    private func argmaxParts(rows: Int, channels: Int) -> Int {
        let least = family == .lanes ? 4096 : 2048
        return max(1, min(channels / least, 4 * processors / max(rows, 1)))
    }

    /// - Parameters:
    ///   - x: Rows of elements, or what parts of rows left.
    ///   - parts: What parts leave or have left; nil where rows are one part.
    private func argmax(
        _ x: DevicePlace, _ rows: Int, _ channels: Int, into result: DevicePlace, parts: DevicePlace?, _ count: Int, _ dtype: DType
    ) throws {
        let (leaves, takes) = (count > 1, count == 1 && parts != nil)
        let partChannels = (channels + count - 1) / count
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(result, .write)
        arguments.buffer(parts ?? x, leaves ? .write : .read)
        for number in [rows, channels, count, partChannels] { arguments.number(UInt32(number)) }
        try run(
            "selection/argmax", activations: dtype, constants: [rowGroupIsOneSubgroup, leaves ? 1 : 0, takes ? 1 : 0],
            launch(rows: rows * count, of: partChannels, passes: 1, "argmax"), arguments, "argmax")
    }

    /// The most that a dispatch of selection/topK selects.
    private static let mostSelected = 256

    public func topK(_ operation: TopKOperation) throws {
        for done in stride(from: 0, to: operation.count, by: Self.mostSelected) {
            try topK(operation, done: done, selected: min(Self.mostSelected, operation.count - done))
        }
    }

    private func topK(_ operation: TopKOperation, done: Int, selected: Int) throws {
        let name = "topK"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        _ = try count(operation.x, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.values, name), done == 0 ? .write : .readWrite)
        arguments.buffer(try place(of: operation.indices, name), done == 0 ? .write : .readWrite)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(selected))
        arguments.number(UInt32(done))
        arguments.number(UInt32(operation.count))
        // Eight passes to find the smallest selected element, two to collect.
        let groupSize = family == .lanes ? 8 * subgroupSize : 256
        let iterations =
            10 * (channels / groupSize + 1) + 8 * 15 * groupSize / subgroupSize + selected * (selected / groupSize + 1)
        let launch = try launch(groups: rows, of: (groupSize, 1), iterations: iterations, name)
        try run("selection/topK", activations: operation.x.dtype, launch, arguments, name)
    }

    public func sample(_ operation: SampleOperation) throws {
        let name = "sample"
        let (rows, tokens) = (operation.x.shape[0], operation.x.shape[1])
        _ = try count(operation.x, name)
        let options = try place(of: operation.options, name)
        var arguments = KernelArguments()
        arguments.buffer(try place(of: operation.x, name), .read)
        arguments.buffer(try place(of: operation.uniforms, name), .read)
        arguments.buffer(options, .read)
        if let seen = operation.seen {
            _ = try count(seen.sets, name)
            arguments.buffer(try place(of: seen.sets, name), .readWrite)
            arguments.buffer(try place(of: seen.rows, name), .read)
        } else {
            arguments.buffer(options, .read)
            arguments.buffer(options, .read)
        }
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(tokens))
        arguments.number(UInt32(operation.seen?.sets.shape[0] ?? 0))
        let groupSize = sampleGroupSize(tokens: tokens)
        let launch = try launch(
            groups: rows, of: (groupSize, 1), iterations: sampleIterations(tokens: tokens, groupSize: groupSize), name)
        try run("selection/sample", activations: operation.x.dtype, launch, arguments, name)
    }

    /// As many invocations as go over a vocabulary within a software device's loops.
    private func sampleGroupSize(tokens: Int) -> Int {
        guard family == .lanes else { return 256 }
        let most = min(64 * subgroupSize, device.report.limits.workGroupInvocations)
        var groupSize = 8 * subgroupSize
        while 2 * groupSize <= most, exceedsIterations(sampleIterations(tokens: tokens, groupSize: groupSize)) { groupSize *= 2 }
        return groupSize
    }

    /// A search goes over the row nine times and over the sums of the subgroups for each digit; besides, the row is gone over five times.
    /// What a row asks for is known to the device alone: both searches, at most.
    private func sampleIterations(tokens: Int, groupSize: Int) -> Int {
        let searches = 2
        return (5 + 9 * searches) * (tokens / groupSize + 1) + searches * 8 * 16 * (groupSize / subgroupSize + 1) + 3 * groupSize
    }
}
