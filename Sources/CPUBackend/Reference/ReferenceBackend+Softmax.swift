import Foundation
import Tensors

extension ReferenceBackend {
    public func softmax(_ operation: SoftmaxOperation) throws {
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, "softmax")
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        for row in 0..<rows {
            let values = (0..<channels).map { Double(x[row * channels + $0]) }
            // Shifted by the largest none overflows; −∞ − (−∞) and ∞ − ∞ are NaN, which the sum hands to the whole row.
            let largest = values.filter { !$0.isNaN }.max() ?? .nan
            let exponentials = values.map { exp($0 - largest) }
            let sum = exponentials.reduce(0, +)
            for channel in 0..<channels { output[row * channels + channel] = Float(exponentials[channel] / sum) }
        }
        try operands.finish()
    }
}
