import CSimd
import Tensors

extension CPUBackend {
    public func softmax(_ operation: SoftmaxOperation) throws {
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = operands("softmax")
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        try perform { [workers, kernels, operands] in
            workers.ranges(rows, cost: 8 * channels) { range, _ in
                for row in range { kernels.pointee.softmax(x + row * channels, channels, 1, output + row * channels) }
            }
            try operands.finish()
        }
    }
}
