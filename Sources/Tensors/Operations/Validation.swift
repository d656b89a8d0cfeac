/// Checks that the operations share; each throws a sentence with the operation's name and the shapes.
enum Validation {
    static func require(
        _ condition: Bool, _ operation: String, _ detail: @autoclosure () -> String
    ) throws {
        if !condition { throw TensorError.shapeMismatch(operation: operation, detail: detail()) }
    }

    static func requireOption(_ condition: Bool, _ operation: String, _ detail: @autoclosure () -> String) throws {
        if !condition { throw TensorError.invalidOption(operation: operation, detail: detail()) }
    }

    static func requireType(_ tensor: Tensor, _ dtype: DType, _ what: String, _ operation: String) throws {
        if tensor.dtype != dtype {
            throw TensorError.unsupportedType(operation: operation, detail: "\(what) is \(tensor.dtype), expected \(dtype)")
        }
    }

    /// Checks that a tensor is an activation: f32 or f16.
    static func requireActivation(_ tensor: Tensor, _ what: String, _ operation: String) throws {
        if !tensor.dtype.isActivation {
            throw TensorError.unsupportedType(operation: operation, detail: "\(what) is \(tensor.dtype), expected f32 or f16")
        }
    }

    /// The output to write: the caller's, checked, or a new one.
    static func output(
        _ given: Tensor?, _ shape: Shape, _ dtype: DType, _ backend: any Backend, _ operation: String
    ) throws -> Tensor {
        guard let given else { return try backend.allocate(shape, dtype) }
        try requireType(given, dtype, "the output", operation)
        try require(given.shape == shape, operation, "the output has shape \(given.shape), the result is \(shape)")
        return given
    }

    /// Checks a transport against the activation `[rows, channels]` it acts on.
    static func transport(_ transport: TransportApplication, rows: Int, channels: Int, _ operation: String) throws {
        if let fits = transport.fits, fits == (rows, channels) { return }
        try requireType(transport.table, .f32, "the transport table", operation)
        try requireType(transport.indices, .i32, "the transport indices", operation)
        try requireType(transport.strengths, .f32, "the transport strengths", operation)
        let table = transport.table.shape
        try require(
            table.rank == 3 && table[1] == channels && table[2] == 4 && table[0] > 0, operation,
            "the transport table has shape \(table), the activation has \(channels) channels; expected [maps, \(channels), 4]")
        func requireRows(_ tensor: Tensor, _ what: String) throws {
            let count = tensor.shape.count
            try require(
                count == 1 || count == rows, operation,
                "the transport \(what) have shape \(tensor.shape), the activation has \(rows) rows; expected [1] or [\(rows)]")
        }
        try requireRows(transport.indices, "indices")
        try requireRows(transport.strengths, "strengths")
        transport.fits = (rows, channels)
    }
}
