/// What an operation reads, and what its output may be to it: every operation says so where it asks for its output.
struct ReadOperand {
    let tensors: [(tensor: Tensor, what: String)]
    /// Whether the output may be the very same elements, each of which is then read before it is written.
    let mayBeOutput: Bool

    /// An operand from which the output must lie apart.
    static func apart(_ tensor: Tensor?, _ what: String) -> ReadOperand {
        ReadOperand(tensors: tensor.map { [($0, what)] } ?? [], mayBeOutput: false)
    }

    /// An operand that the output may be, or lie apart from.
    static func inPlace(_ tensor: Tensor?, _ what: String) -> ReadOperand {
        ReadOperand(tensors: tensor.map { [($0, what)] } ?? [], mayBeOutput: true)
    }

    static func transports(_ transports: [TransportApplication]) -> ReadOperand {
        let tensors = transports.flatMap {
            [($0.indices, "the transport indices"), ($0.strengths, "the transport strengths")]
                + ($0.table.map { [($0, "the transport table")] } ?? [])
                + ($0.clusters.map {
                    [
                        ($0.weights, "the clusters' weights"), ($0.intercepts, "the clusters' intercepts"),
                        ($0.shifts, "the clusters' shifts"),
                    ]
                } ?? [])
                + ($0.gates.map { [($0.weights, "the gates' weights"), ($0.intercepts, "the gates' intercepts")] } ?? [])
        }
        return ReadOperand(tensors: tensors, mayBeOutput: false)
    }
}

extension Validation {
    /// The output to write: the caller's, checked, or a new one.
    /// - Parameter reading: Everything that the operation reads.
    static func output(
        _ given: Tensor?, _ shape: Shape, _ dtype: DType, _ backend: any Backend, _ operation: String,
        reading: @autoclosure () -> [ReadOperand]
    ) throws -> Tensor {
        guard let given else { return try backend.allocate(shape, dtype) }
        try requireType(given, dtype, "the output", operation)
        try require(given.shape == shape, operation, "the output has shape \(given.shape), the result is \(shape)")
        try requireNoAlias(given, reading(), operation)
        return given
    }

    /// Checks that no element is written that is still to be read.
    static func requireNoAlias(_ output: Tensor, _ operands: [ReadOperand], _ operation: String) throws {
        for operand in operands {
            for (tensor, what) in operand.tensors where tensor.overlaps(output) {
                let isSame = tensor.byteOffset == output.byteOffset && tensor.shape == output.shape && tensor.dtype == output.dtype
                if operand.mayBeOutput && isSame { continue }
                throw TensorError.invalidOption(
                    operation: operation,
                    detail: "the output lies in the memory of \(what)\(operand.mayBeOutput ? " but is not the same tensor" : "")")
            }
        }
    }
}

extension Tensor {
    /// Whether the two share memory, in part or as a whole.
    fileprivate func overlaps(_ other: Tensor) -> Bool {
        storage === other.storage && byteOffset < other.byteOffset + other.byteCount && other.byteOffset < byteOffset + byteCount
            && byteCount > 0 && other.byteCount > 0
    }
}
