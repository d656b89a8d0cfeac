import CSimd
import Tensors

extension CPUBackend {
    public func elementwise(_ operation: ElementwiseOperation) throws {
        let name = operation.function.name
        let walk = operation.walk
        let function = monge_function(operation.function)
        let count = operation.operands.count
        let isHalf = operation.output.dtype == .f16
        let width = operation.output.dtype.blockBytes
        let inputs = try operation.operands.map { UnsafeRawPointer(try $0.hostPointer(name)) }
        let output = try operation.output.hostPointer(name)
        // An activation costs about as much as reading some ten floats.
        workers.pieces(of: walk, cost: 2 * count + 4) { starts, length, _ in
            // A kernel has places for three.
            withUnsafeTemporaryAllocation(of: monge_operand.self, capacity: 3) { operands in
                operands.initialize(repeating: monge_operand())
                for index in 0..<count {
                    operands[index] = monge_operand(start: inputs[index] + starts[index] * width, step: walk.innerStep(index))
                }
                withUnsafePointer(to: function) {
                    kernels.pointee.elementwise($0, isHalf, operands.baseAddress!, length, output + starts[count] * width)
                }
            }
        }
    }
}
