import Tensors
import VulkanRuntime

extension VulkanBackend {
    public func attention(_ operation: AttentionOperation) throws {
        let name = "attention"
        let channels = operation.headChannels
        for tensor in [operation.queries, operation.keys] + (operation.bias.map { [$0] } ?? []) { _ = try count(tensor, name) }
        let segments = operation.segments
        let (queries, keys) = (try place(of: operation.queries, name), try place(of: operation.keys, name))
        let (values, output) = (try place(of: operation.values, name), try place(of: operation.output, name))
        let alignment = [queries, keys, values, output].reduce(16) { $1.isAligned(to: 16) ? $0 : min($0, $1.isAligned(to: 8) ? 8 : 4) }

        let queryRows = min(max(segments.maximumQueries, 1), operation.queries.shape[0]) * (operation.heads / operation.keyHeads)
        let matrix = try attentionMatrix(operation, queryRows: queryRows, alignment: alignment)
        let kernel =
            matrix.map { AttentionKernel.matrix($0) }
            ?? AttentionKernel(
                operation, queryRows: queryRows, alignment: alignment, family: family, subgroupSize: subgroupSize, registers: registers,
                isInvariant: isBatchInvariant)
        let tiles = (queryRows + kernel.tileRows - 1) / kernel.tileRows
        let allTiles = kernel.parts * tiles * operation.keyHeads * segments.count
        let keyCount = Self.mostKeys(operation, tileRows: kernel.tileRows)
        let splits =
            isBatchInvariant
            ? stretches(kernel, keys: keyCount, of: operation.keys.dtype, isWindowed: operation.window != nil, tiles: allTiles)
            : splits(kernel, keys: keyCount, channels: channels, tiles: allTiles)
        let result = splits == 1 ? output : try partials(operation, splits, name)

        var arguments = KernelArguments()
        arguments.buffer(queries, .read)
        arguments.buffer(keys, .read)
        arguments.buffer(values, .read)
        arguments.buffer(try place(of: segments.queryStarts, name), .read)
        arguments.buffer(try place(of: segments.keyLengths, name), .read)
        arguments.buffer(try place(of: segments.blocks, name), .read)
        arguments.buffer(try operation.bias.map { try place(of: $0, name) } ?? queries, .read)
        arguments.buffer(result, .write)
        arguments.number(UInt32(operation.heads))
        arguments.number(UInt32(operation.keyHeads))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(operation.keyCapacity))
        arguments.number(UInt32(segments.count))
        arguments.number(UInt32(tiles))
        arguments.number(operation.causal ? UInt32(min(operation.window ?? .max, Self.unlimitedWindow)) : 0)
        arguments.real(operation.scale)
        arguments.real(operation.softCap ?? 0)
        arguments.number(UInt32(operation.queries.shape[0]))
        arguments.number(UInt32(operation.keys.shape[0]))
        arguments.number(UInt32(splits))
        arguments.number(UInt32(operation.bias?.shape[2] ?? 1))
        arguments.number(UInt32(operation.bias?.shape[3] ?? 1))
        let launch = try launch(
            groups: splits * allTiles, of: (kernel.groupSize(subgroupSize: subgroupSize), 1),
            iterations: kernel.iterations(keys: keyCount / splits + 1, channels: channels, subgroupSize: subgroupSize), name)
        let constants = [operation.keys.dtype == .f16 ? 1 : 0, try formConstant(operation, name)] as [UInt32]
        try run(
            "attention/\(kernel.shader)", types: ActivationTypes(operation.queries.dtype, to: operation.output.dtype),
            constants: constants + kernel.constants(subgroupSize: subgroupSize), usesFullSubgroups: matrix != nil, launch, arguments, name)
        if splits > 1 { try combine(result, splits, operation, name) }
    }

    /// A window that leaves nothing out, far enough from the largest integer that differences with positions do not overflow.
    private static let unlimitedWindow = 1 << 30

    /// The most keys that the rows of a tile see between them.
    private static func mostKeys(_ operation: AttentionOperation, tileRows: Int) -> Int {
        let keys = min(operation.segments.maximumKeys, operation.keyCapacity)
        guard let window = operation.window else { return keys }
        // Each further query of the tile sees one key more.
        let queries = (tileRows - 1) / (operation.heads / operation.keyHeads) + 2
        return min(keys, min(window, keys) + queries)
    }

    /// What the bias is, and how keys lie in blocks, as the kernels' constant 5 says it.
    private func formConstant(_ operation: AttentionOperation, _ name: String) throws -> UInt32 {
        let isPaged = operation.segments.blocks.shape[1] > 1
        guard !isPaged || (1..<1 << 27).contains(operation.blockSize) else {
            throw TensorError.invalidOption(operation: name, detail: "blocks of \(operation.blockSize) keys, expected 1 … 2²⁷ − 1")
        }
        let form = (isPaged ? UInt32(operation.blockSize) << 5 : 0) | (isBatchInvariant ? 16 : 0)
        guard let bias = operation.bias else { return form }
        return form | 1 | (bias.dtype == .f16 ? 2 : 0) | (bias.shape[1] > 1 ? 4 : 0) | (bias.shape[0] > 1 ? 8 : 0)
    }

    /// How many work-groups share the keys of a tile: what keeps the device busy, and at least as many as keep an invocation of a
    /// software device within its loop iterations.
    private func splits(_ kernel: AttentionKernel, keys: Int, channels: Int, tiles: Int) -> Int {
        var splits = family == .tiles ? kernel.splits(keys: keys, tiles: tiles, subgroupSize: subgroupSize) : 1
        while splits < keys,
            exceedsIterations(kernel.iterations(keys: keys / splits + 1, channels: channels, subgroupSize: subgroupSize))
        {
            splits += 1
        }
        return splits
    }

    /// The same where a row is not to depend on others: a work-group for each stretch of keys, or one for all of them, which joins their sums in
    /// the same order, where tiles alone keep the device busy. Stretches of few tiles leave little beside what they read.
    private func stretches(_ kernel: AttentionKernel, keys: Int, of dtype: DType, isWindowed: Bool, tiles: Int) -> Int {
        guard let stretch = kernel.stretch(subgroupSize: subgroupSize, keys: dtype),
            kernel.splits(keys: keys, tiles: tiles, subgroupSize: subgroupSize) > 1
        else { return 1 }
        // A window begins anywhere in its first stretch.
        return (keys + stretch - 1) / stretch + (isWindowed ? 1 : 0)
    }

    /// Memory for what each split leaves: two numbers and the values for every query and head.
    private func partials(_ operation: AttentionOperation, _ splits: Int, _ name: String) throws -> DevicePlace {
        let rows = operation.queries.shape[0] * operation.heads
        let elements = Int(try count(splits * rows * (operation.headChannels + 2), name))
        let buffer = try translatingErrors(name) { try device.makeBuffer(byteCount: elements * 4) }
        return DevicePlace(buffer: buffer, byteOffset: 0, byteCount: elements * 4)
    }

    private func combine(_ partials: DevicePlace, _ splits: Int, _ operation: AttentionOperation, _ name: String) throws {
        var arguments = KernelArguments()
        arguments.buffer(partials, .read)
        arguments.buffer(try place(of: operation.output, name), .write)
        arguments.number(try count(operation.output, name))
        arguments.number(UInt32(operation.headChannels))
        arguments.number(UInt32(splits))
        let launch = try launch(elements: operation.output.shape.count, iterations: (splits + 3) / 4, name)
        try run("attention/combine", activations: operation.output.dtype, launch, arguments, name)
    }
}
