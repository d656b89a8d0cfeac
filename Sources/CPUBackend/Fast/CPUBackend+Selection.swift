import CSimd
import Tensors

extension CPUBackend {
    public func argmax(_ operation: ArgmaxOperation) throws {
        let name = "argmax"
        let (rows, count) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name, workers: workers)
        let x = try operands.input(operation.x)
        let output = try operation.output.hostIntegers(name)
        workers.ranges(rows, cost: count) { range, _ in
            for row in range { output[row] = Int32(kernels.pointee.argmax(x + row * count, count)) }
        }
        try operands.finish()
    }

    public func topK(_ operation: TopKOperation) throws {
        let name = "topK"
        let (rows, count) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name, workers: workers)
        let x = try operands.input(operation.x)
        let values = try operation.values.hostFloats(name)
        let indices = try operation.indices.hostIntegers(name)
        workers.ranges(rows, cost: 2 * count) { range, _ in
            for row in range {
                kernels.pointee.top_k(
                    x + row * count, count, operation.count, values + row * operation.count, indices + row * operation.count)
            }
        }
        try operands.finish()
    }
}
