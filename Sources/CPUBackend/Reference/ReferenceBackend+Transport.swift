import Tensors

extension ReferenceBackend {
    public func transport(_ operation: TransportOperation) throws {
        let name = "transport"
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        if output != x { output.update(from: x, count: operation.x.shape.count) }
        try ReferenceTransport(operation.transport, on: operation.x.shape, name).apply(to: output)
        if operation.activation != .identity {
            for index in 0..<operation.x.shape.count { output[index] = Float(operation.activation(Double(output[index]))) }
        }
        try operands.finish()
    }
}
