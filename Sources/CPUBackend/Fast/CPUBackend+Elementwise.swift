import CSimd
import Tensors

extension CPUBackend {
    public func gatedProduct(_ operation: GatedProductOperation) throws {
        let name = "gatedProduct"
        let gate = try operation.gate.hostFloats(name)
        let up = try operation.up.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let activation = operation.activation.kernelActivation
        // An activation costs about as much as reading some ten floats.
        workers.ranges(operation.output.shape.count, cost: 8, multiple: 64) { range, _ in
            let first = range.lowerBound
            kernels.pointee.gated_product(activation, gate + first, up + first, range.count, output + first)
        }
    }

    public func add(_ operation: AddOperation) throws {
        let name = "add"
        var operands = FloatOperands(memory, name)
        let (a, b) = (try operands.input(operation.a), try operands.input(operation.b))
        let output = try operands.output(operation.output)
        workers.ranges(operation.output.shape.count, cost: 3, multiple: 64) { range, _ in
            let first = range.lowerBound
            kernels.pointee.add(a + first, b + first, range.count, output + first)
        }
        try operands.finish()
    }
}
