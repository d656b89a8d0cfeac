import Tensors

extension VulkanBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let (table, output) = (try place(of: operation.table, name), try place(of: operation.output, name))
        let (from, to) = (operation.table.dtype, operation.output.dtype)
        let channels = operation.table.shape[1]
        _ = try count(from.isQuantised ? operation.table.shape.count / 32 : operation.table.shape.count, name)
        _ = try count(operation.output, name)
        if let indices = operation.indices, from == to {
            return try moveRows(
                (table, from), (output, to), indices, channels: channels, among: operation.table.shape[0], scatters: false, name)
        }
        let isByChunk = from.isQuantised || channels % 32 == 0 && table.isAligned(to: 16)
        var arguments = KernelArguments()
        arguments.buffer(try operation.indices.map { try place(of: $0, name) } ?? table, .read)
        arguments.buffer(table, .read)
        arguments.buffer(output, .write)
        arguments.number(UInt32(operation.rows))
        arguments.number(UInt32(operation.table.shape[0]))
        arguments.number(UInt32(channels))
        arguments.number(isByChunk ? 1 : 0)
        arguments.number(operation.indices == nil ? 0 : 1)
        arguments.number(output.isAligned(to: 4 * to.blockBytes) ? 1 : 0)
        let chunks = operation.rows * ((channels + 31) / 32)
        try run(
            "movement/embedding-\(from.rawValue)", activations: to, launch(elements: chunks, iterations: isByChunk ? 0 : 32, name),
            arguments, name)
    }

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let name = "scatterRows"
        _ = try count(operation.rows, name)
        _ = try count(operation.destination, name)
        try moveRows(
            (place(of: operation.rows, name), operation.rows.dtype), (place(of: operation.destination, name), operation.destination.dtype),
            operation.indices, channels: operation.channels, among: operation.destination.shape[0], scatters: true, name)
    }

    public func storeKeys(_ operation: StoreKeysOperation) throws {
        let name = "storeKeys"
        for tensor in [operation.keys, operation.keyCache] { _ = try count(tensor, name) }
        let (from, to) = (operation.keys.dtype, operation.keyCache.dtype)
        let sources = try [operation.keys, operation.values].map { try place(of: $0, name) }
        let caches = try [operation.keyCache, operation.valueCache].map { try place(of: $0, name) }
        let width = unitWidth(from: (sources, from), to: (caches, to), channels: operation.channels)
        let segments = operation.segments
        var arguments = KernelArguments()
        for source in sources { arguments.buffer(source, .read) }
        try arguments.append(places: segments, self, name)
        for cache in caches { arguments.buffer(cache, .write) }
        let (rows, units) = (operation.keys.shape[0], operation.channels / width)
        arguments.number(UInt32(rows))
        arguments.number(UInt32(units))
        arguments.append(placeNumbers: segments, cache: operation.keyCache)
        // A search among the sequences.
        let iterations = Int.bitWidth - segments.count.leadingZeroBitCount
        try run(
            "movement/storeKeys", constants: [from.elementNumber, to.elementNumber, width > 1 ? 1 : 0],
            launch(elements: 2 * rows * units, iterations: iterations, name), arguments, name)
    }

    /// The elements that are moved at a time: units of 16 bytes, or of four elements where they change their type, where rows are whole
    /// units and begin at multiples of them; else one.
    private func unitWidth(
        from source: (places: [DevicePlace], dtype: DType), to result: (places: [DevicePlace], dtype: DType), channels: Int
    ) -> Int {
        let unit = source.dtype == result.dtype ? 16 / source.dtype.blockBytes : 4
        let isInUnits =
            channels % unit == 0 && source.places.allSatisfy { $0.isAligned(to: unit * source.dtype.blockBytes) }
            && result.places.allSatisfy { $0.isAligned(to: unit * result.dtype.blockBytes) }
        return isInUnits ? unit : 1
    }

    /// - Parameters:
    ///   - channels: The elements of a row.
    ///   - among: The rows that indices choose among.
    private func moveRows(
        _ source: (place: DevicePlace, dtype: DType), _ result: (place: DevicePlace, dtype: DType), _ indices: Tensor, channels: Int,
        among rows: Int, scatters: Bool, _ name: String
    ) throws {
        let width = unitWidth(from: ([source.place], source.dtype), to: ([result.place], result.dtype), channels: channels)
        var arguments = KernelArguments()
        arguments.buffer(source.place, .read)
        arguments.buffer(try place(of: indices, name), .read)
        arguments.buffer(result.place, .write)
        arguments.number(UInt32(indices.shape.count))
        arguments.number(UInt32(channels / width))
        arguments.number(UInt32(rows))
        try run(
            "movement/rows",
            constants: [source.dtype.elementNumber, result.dtype.elementNumber, width > 1 ? 1 : 0, scatters ? 1 : 0],
            launch(elements: indices.shape.count * channels / width, name), arguments, name)
    }
}

/// The arguments of movement/places.glsl.
extension KernelArguments {
    mutating func append(places segments: Segments, _ backend: VulkanBackend, _ operation: String) throws {
        for table in [segments.queryStarts, segments.keyLengths, segments.blocks] {
            buffer(try backend.place(of: table, operation), .read)
        }
    }

    /// - Parameter cache: `[blocks, block size, …]`
    mutating func append(placeNumbers segments: Segments, cache: Tensor) {
        number(UInt32(segments.count))
        number(UInt32(cache.shape[1]))
        number(UInt32(segments.blocks.shape[1]))
        number(UInt32(cache.shape[0]))
    }
}
