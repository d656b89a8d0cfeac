import Foundation
import Tensors

extension CPUBackend {
    public func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        try requireRepetition()
        let name = "timestepEmbedding"
        let timesteps = try operation.timesteps.hostFloats(name)
        var operands = operands(name)
        let output = try operands.output(operation.output)
        let options = operation.frequencies
        let (count, channels) = (options.count, options.channels)
        let fall = -log(Double(options.maximumPeriod)) / (Double(count) - Double(options.shift))
        let frequencies = (0..<count).map { Double(options.scale) * exp(fall * Double($0)) }
        let (cosines, sines) = options.cosinesFirst ? (0, count) : (count, 0)
        workers.ranges(operation.timesteps.shape[0], cost: 32 * channels) { range, _ in
            for row in range {
                let values = output + row * channels
                for index in 0..<count {
                    let angle = Double(timesteps[row]) * frequencies[index]
                    values[cosines + index] = Float(cos(angle))
                    values[sines + index] = Float(sin(angle))
                }
                if channels % 2 == 1 { values[channels - 1] = 0 }
            }
        }
        try operands.finish()
    }
}
