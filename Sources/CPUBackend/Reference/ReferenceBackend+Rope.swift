import Foundation
import Tensors

extension ReferenceBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let pairs = operation.dimensions / 2
        let positions = try operation.positions.hostIntegers(name)
        let factors = try operation.frequencyFactors?.hostFloats(name)
        let frequencies = (0..<pairs).map { pair in
            pow(Double(operation.base), -2 * Double(pair) / Double(operation.dimensions)) / Double(factors?[pair] ?? 1)
        }
        try rotate(operation.x, operation.output, pairs: pairs, operation.layout, name) { row, pair in
            let angle = Double(positions[row]) * frequencies[pair]
            return (cos(angle), sin(angle))
        }
    }

    public func rotation(_ operation: RotationOperation) throws {
        let name = "rope"
        let cosines = try operation.cosines.hostFloats(name)
        let sines = try operation.sines.hostFloats(name)
        let (rows, pairs) = (operation.cosines.shape[0], operation.cosines.shape[1])
        try rotate(operation.x, operation.output, pairs: pairs, operation.layout, name) { row, pair in
            let index = row % rows * pairs + pair
            return (Double(cosines[index]), Double(sines[index]))
        }
    }

    private func rotate(
        _ x: Tensor, _ output: Tensor, pairs: Int, _ layout: RopeLayout, _ name: String,
        by turn: (_ row: Int, _ pair: Int) -> (cosine: Double, sine: Double)
    ) throws {
        let (rows, heads, channels) = (x.shape[0], x.shape[1], x.shape[2])
        var operands = FloatOperands(memory, name)
        let x = try operands.input(x)
        let output = try operands.output(output)
        for row in 0..<rows {
            for pair in 0..<pairs {
                let (cosine, sine) = turn(row, pair)
                let (first, second) =
                    switch layout {
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
                for channel in 2 * pairs..<channels { output[start + channel] = x[start + channel] }
            }
        }
        try operands.finish()
    }
}
