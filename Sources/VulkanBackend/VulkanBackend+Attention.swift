import Tensors

extension VulkanBackend {
    /// The most channels of a head.
    static let mostHeadChannels = 256

    public func attention(_ operation: AttentionOperation) throws {
        let name = "attention"
        let channels = operation.headChannels
        guard channels <= Self.mostHeadChannels else {
            throw TensorError.invalidOption(
                operation: name, detail: "heads have \(channels) channels, at most \(Self.mostHeadChannels) are supported on \(self.name)")
        }
        let queries = try place(of: operation.queries, name)
        let keys = try place(of: operation.keys, name)
        let values = try place(of: operation.values, name)
        let segments = operation.segments
        _ = try count(operation.queries, name)
        _ = try count(operation.keys, name)

        let spans = (channels + 2 * subgroupSize - 1) / (2 * subgroupSize)
        let groupSize = operation.heads / operation.keyHeads
        let queryRows = min(max(segments.maximumQueries, 1), operation.queries.shape[0]) * groupSize
        // What a tile keeps in registers grows with its rows and with the spans of a head.
        let tileRows = [1, 2, 4].first { queryRows <= $0 || 2 * $0 * spans > Self.mostTileSpans } ?? 8
        let tiles = (queryRows + tileRows - 1) / tileRows
        let isPaired = channels % 2 == 0 && [queries, keys, values].allSatisfy { $0.isAligned(to: 8) }

        let keyCount = min(segments.maximumKeys, operation.keyCapacity)
        let splits = splits(of: keyCount, tiles: tiles * operation.keyHeads * segments.count)
        let output = try place(of: operation.output, name)
        let partials = splits == 1 ? output : try self.partials(operation, splits, name)

        var arguments = KernelArguments()
        arguments.buffer(queries, .read)
        arguments.buffer(keys, .read)
        arguments.buffer(values, .read)
        arguments.buffer(try place(of: segments.queryStarts, name), .read)
        arguments.buffer(try place(of: segments.keyLengths, name), .read)
        arguments.buffer(try place(of: segments.slots, name), .read)
        arguments.buffer(output, .write)
        arguments.buffer(partials, .write)
        arguments.number(UInt32(operation.heads))
        arguments.number(UInt32(operation.keyHeads))
        arguments.number(UInt32(channels))
        arguments.number(UInt32(operation.keyCapacity))
        arguments.number(UInt32(segments.count))
        arguments.number(UInt32(tiles))
        arguments.number(operation.causal ? 1 : 0)
        arguments.number(UInt32(clamping: min(operation.window ?? 0, Int(Int32.max))))
        arguments.real(operation.scale)
        arguments.real(operation.softCap ?? 0)
        arguments.number(UInt32(operation.queries.shape[0]))
        arguments.number(UInt32(operation.keys.shape[0]))
        arguments.number(UInt32(splits))
        let launch = try launch(
            groups: splits * tiles * operation.keyHeads * segments.count, of: (subgroupSize, 1),
            iterations: 3 * (keyCount / splits + subgroupSize), name)
        try run(
            "attention/packed", constants: [UInt32(subgroupSize), UInt32(tileRows), UInt32(spans), isPaired ? 1 : 0],
            launch, arguments, name)
        if splits > 1 { try combine(partials, splits, operation, name) }
    }

    private static let mostTileSpans = 32
    /// Work-groups that keep a graphics processor busy.
    private static let enoughGroups = 512

    /// How many subgroups share the keys of a tile: more where there are too few tiles, as long as each has some steps to do.
    private func splits(of keys: Int, tiles: Int) -> Int {
        guard family == .tiles else { return 1 }
        return max(1, min(Self.enoughGroups / max(tiles, 1), keys / (4 * subgroupSize)))
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
        let launch = try launch(elements: operation.output.shape.count, iterations: splits, name)
        try run("attention/combine", launch, arguments, name)
    }
}
