import Foundation
import Tensors

extension ReferenceBackend {
    public func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        let name = "timestepEmbedding"
        let timesteps = try operation.timesteps.hostFloats(name)
        var operands = FloatOperands(memory, name)
        let output = try operands.output(operation.output)
        let frequencies = operation.frequencies
        let (count, channels) = (frequencies.count, frequencies.channels)
        for row in 0..<operation.timesteps.shape[0] {
            for index in 0..<count {
                let exponent = -Double(index) / (Double(count) - Double(frequencies.shift))
                let angle = Double(frequencies.scale) * Double(timesteps[row]) * pow(Double(frequencies.maximumPeriod), exponent)
                let place = row * channels + index
                output[place] = Float(frequencies.cosinesFirst ? cos(angle) : sin(angle))
                output[place + count] = Float(frequencies.cosinesFirst ? sin(angle) : cos(angle))
            }
            if channels % 2 == 1 { output[(row + 1) * channels - 1] = 0 }
        }
        try operands.finish()
    }
}
