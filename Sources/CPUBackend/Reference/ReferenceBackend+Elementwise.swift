import Tensors

extension ReferenceBackend {
    public func gatedProduct(_ operation: GatedProductOperation) throws {
        let name = "gatedProduct"
        let gate = try operation.gate.hostFloats(name)
        let up = try operation.up.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        for index in 0..<operation.output.shape.count {
            output[index] = Float(operation.activation(Double(gate[index])) * Double(up[index]))
        }
    }

    public func add(_ operation: AddOperation) throws {
        let name = "add"
        var operands = FloatOperands(memory, name)
        let (a, b) = (try operands.input(operation.a), try operands.input(operation.b))
        let output = try operands.output(operation.output)
        // One f32 addition is already rounded correctly.
        for index in 0..<operation.output.shape.count { output[index] = a[index] + b[index] }
        try operands.finish()
    }

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
