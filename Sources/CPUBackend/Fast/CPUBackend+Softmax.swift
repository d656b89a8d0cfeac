import CSimd
import Tensors

extension CPUBackend {
    public func softmax(_ operation: SoftmaxOperation) throws {
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, "softmax", workers: workers)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        workers.ranges(rows, cost: 8 * channels) { range, _ in
            for row in range {
                let (source, values) = (x + row * channels, output + row * channels)
                // Where all are −∞, or one is ∞, the difference is NaN, and with it the sum and every quotient.
                let largest = source[kernels.pointee.argmax(source, channels)]
                let factor = Float(1 / kernels.pointee.exponentials(source, channels, largest, 1, values))
                for channel in 0..<channels { values[channel] *= factor }
            }
        }
        try operands.finish()
    }
}
