import Foundation
import Tensors

extension ReferenceBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let shape = operation.x.shape
        let (rows, heads, channels) = (shape[0], shape[1], shape[2])
        let pairs = operation.dimensions / 2
        let x = try operation.x.hostFloats(name)
        let positions = try operation.positions.hostIntegers(name)
        let factors = try operation.frequencyFactors?.hostFloats(name)
        let output = try operation.output.hostFloats(name)

        let frequencies = (0..<pairs).map { pair in
            pow(Double(operation.base), -2 * Double(pair) / Double(operation.dimensions)) / Double(factors?[pair] ?? 1)
        }
        for row in 0..<rows {
            for pair in 0..<pairs {
                let angle = Double(positions[row]) * frequencies[pair]
                let (cosine, sine) = (cos(angle), sin(angle))
                let (first, second) =
                    switch operation.layout {
                    case .rotateHalf: (pair, pair + pairs)
                    case .interleaved: (2 * pair, 2 * pair + 1)
                    }
                for head in 0..<heads {
                    let start = (row * heads + head) * channels
                    // Both are read before either is written: the output may be x itself.
                    let (a, b) = (Double(x[start + first]), Double(x[start + second]))
                    output[start + first] = Float(a * cosine - b * sine)
                    output[start + second] = Float(a * sine + b * cosine)
                }
            }
            for head in 0..<heads {
                let start = (row * heads + head) * channels
                for channel in operation.dimensions..<channels { output[start + channel] = x[start + channel] }
            }
        }
    }
}
