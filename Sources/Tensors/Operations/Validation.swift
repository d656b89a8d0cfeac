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

    /// The type of a result that need not be that of what it comes from: the one asked for, else the output's, else the usual one.
    static func resultType(_ asked: DType?, _ output: Tensor?, usual: DType, _ operation: String) throws -> DType {
        let dtype = asked ?? output?.dtype ?? usual
        try requireActivation(dtype, operation)
        return dtype
    }

    /// Checks what is added to a result: f32 or f16, of its shape.
    static func residual(_ residual: Tensor?, of shape: Shape, _ operation: String) throws {
        guard let residual else { return }
        try requireActivation(residual, "the residual", operation)
        try require(residual.shape == shape, operation, "residual \(residual.shape) does not match the result \(shape)")
    }

    /// Checks a gain or a bias, `[C]` f32, against the activation whose channels it belongs to.
    static func channels(_ tensor: Tensor?, _ what: String, _ x: Tensor, _ operation: String) throws {
        guard let tensor else { return }
        try requireType(tensor, .f32, "the \(what)", operation)
        try require(
            tensor.shape == [x.shape.channels], operation,
            "x \(x.shape) does not match \(what) \(tensor.shape), expected x […, C] and \(what) [C]")
    }

    /// Checks the samples of a fit, `[n, C]` and `[m, C]` f32, none empty.
    static func columns(_ source: Tensor, _ target: Tensor, _ operation: String) throws {
        try requireType(source, .f32, "the source", operation)
        try requireType(target, .f32, "the target", operation)
        try require(
            source.shape.rank == 2 && target.shape.rank == 2 && source.shape[1] == target.shape[1]
                && source.shape[0] > 0 && target.shape[0] > 0, operation,
            "source \(source.shape) and target \(target.shape), expected [n, C] and [m, C] with n, m ≥ 1")
    }

    /// Checks a transport against the activation it acts on.
    static func transport(_ transport: TransportApplication, on shape: Shape, _ operation: String) throws {
        let (images, rows, channels) = (shape.images, shape.rows, shape.channels)
        if let fits = transport.fits, fits == (images, rows, channels) { return }
        try requireType(transport.indices, .i32, "the transport indices", operation)
        try requireType(transport.strengths, .f32, "the transport strengths", operation)
        if let clusters = transport.clusters {
            try self.clusters(clusters, channels: channels, operation)
        } else {
            let tensor = try transport.affineTable(operation)
            try requireType(tensor, .f32, "the transport table", operation)
            let table = tensor.shape
            try require(
                table.rank == 3 && table[1] == channels && table[2] == 4 && table[0] > 0, operation,
                "the transport table has shape \(table), the activation has \(channels) channels; expected [maps, \(channels), 4]")
        }
        let isPointwise = transport.spatial == .pointwise
        func requireRows(_ tensor: Tensor, _ what: String) throws {
            let count = tensor.shape.count
            let expected = Array(Set([1, images] + (isPointwise ? [rows] : []))).sorted()
            try require(
                expected.contains(count), operation,
                "the \(isPointwise ? "" : "channel-mean ")transport \(what) have shape \(tensor.shape), the activation is \(shape); "
                    + "expected \(expected.map { "[\($0)]" }.joined(separator: " or "))")
        }
        try requireRows(transport.indices, "indices")
        try requireRows(transport.strengths, "strengths")
        try gates(of: transport, operation)
        transport.fits = (images, rows, channels)
    }
}
