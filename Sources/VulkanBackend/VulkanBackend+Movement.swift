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

    /// - Parameters:
    ///   - channels: The elements of a row.
    ///   - among: The rows that indices choose among.
    private func moveRows(
        _ source: (place: DevicePlace, dtype: DType), _ result: (place: DevicePlace, dtype: DType), _ indices: Tensor, channels: Int,
        among rows: Int, scatters: Bool, _ name: String
    ) throws {
        // Units of 16 bytes; of four elements where they change their type.
        let unit = source.dtype == result.dtype ? 16 / source.dtype.blockBytes : 4
        let isInUnits =
            channels % unit == 0 && source.place.isAligned(to: unit * source.dtype.blockBytes)
            && result.place.isAligned(to: unit * result.dtype.blockBytes)
        let width = isInUnits ? unit : 1
        var arguments = KernelArguments()
        arguments.buffer(source.place, .read)
        arguments.buffer(try place(of: indices, name), .read)
        arguments.buffer(result.place, .write)
        arguments.number(UInt32(indices.shape.count))
        arguments.number(UInt32(channels / width))
        arguments.number(UInt32(rows))
        try run(
            "movement/rows",
            constants: [source.dtype.elementNumber, result.dtype.elementNumber, isInUnits ? 1 : 0, scatters ? 1 : 0],
            launch(elements: indices.shape.count * channels / width, name), arguments, name)
    }
}
