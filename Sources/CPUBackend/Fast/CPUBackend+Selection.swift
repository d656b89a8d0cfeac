import CSimd
import Tensors

extension CPUBackend {
    public func argmax(_ operation: ArgmaxOperation) throws {
        let name = "argmax"
        let (rows, count) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = operands(name)
        let x = try operands.input(operation.x)
        let output = try integers(of: operation.output, name)
        try perform { [workers, kernels, operands] in
            workers.ranges(rows, cost: count) { range, _ in
                for row in range { output[row] = Int32(kernels.pointee.argmax(x + row * count, count)) }
            }
            try operands.finish()
        }
    }

    public func topK(_ operation: TopKOperation) throws {
        let name = "topK"
        let (rows, count) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = operands(name)
        let x = try operands.input(operation.x)
        let wanted = operation.count
        let values = try floats(of: operation.values, name)
        let indices = try integers(of: operation.indices, name)
        try perform { [workers, kernels, operands] in
            workers.ranges(rows, cost: 2 * count) { range, _ in
                for row in range {
                    kernels.pointee.top_k(x + row * count, count, wanted, values + row * wanted, indices + row * wanted)
                }
            }
            try operands.finish()
        }
    }
}
