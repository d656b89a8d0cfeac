import Foundation
import Tensors

extension CheckedOperation {
    /// The angle p·base^(−2i/d)/factor errs by at most 8u relatively: 4u for the power, half an ulp each for the exponent's table or
    /// the factor, the product, and the position. A turn by a wrong angle moves a pair by that error of its length; sine and
    /// cosine err by 2 ulp of 1, and the two products and their sum by 3u.
    static let rope = CheckedOperation(
        name: "rope", summary: "rotary position embedding, rotate-half and interleaved, partial, with frequency factors",
        tolerance: "(8u·|angle| + 8u)·(|a| + |b|); the same bits in the channels that do not turn", defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 33)
        let heads = generator.pick([1, 2, 3, 5, 8, 9])
        let channels = generator.pick([2, 4, 6, 16, 32, 64, 66, 80, 128])
        let dimensions = generator.chance(0.6) ? channels : 2 * generator.integer(in: 1...channels / 2)
        let layout = generator.pick(RopeLayout.allCases)
        let base: Float = generator.pick([10_000, 500_000, 1_000_000, 100])
        let limit = generator.pick([8, 100, 4096, 131_072])
        let positions = (0..<rows).map { _ in Int32(generator.integer(in: 0...limit - 1)) }
        let factors: [Float]? =
            generator.chance(0.3) ? (0..<dimensions / 2).map { _ in Float(generator.pick([1.0, 8, 1 + 7 * generator.uniform()])) } : nil
        let range = generator.pick(ValueRange.allCases)
        let x = generator.values(rows * heads * channels, range)
        let isInPlace = generator.chance(0.5)
        let shape: Shape = [rows, heads, channels]
        let description =
            "x \(shape)\(isInPlace ? " in place" : "") \(range), \(dimensions) channels turn, \(layout), base \(base), positions below "
            + "\(limit)" + (factors == nil ? "" : ", frequency factors")
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, initial: isInPlace ? x : nil)
            let result = try device.backend.rope(
                isInPlace ? output : device.input(x, shape, "x"), positions: device.input(positions, [rows], "the positions"),
                dimensions: dimensions, base: base, layout: layout,
                frequencyFactors: factors.map { try device.input($0, [dimensions / 2], "the frequency factors") }, into: output)
            return [try device.read(result)]
        } tolerances: { _, _ in
            var tolerance = [Double](repeating: 0, count: x.count)
            for row in 0..<rows {
                for head in 0..<heads {
                    let start = (row * heads + head) * channels
                    for pair in 0..<dimensions / 2 {
                        let (first, second) = layout == .rotateHalf ? (pair, pair + dimensions / 2) : (2 * pair, 2 * pair + 1)
                        let size = abs(Double(x[start + first])) + abs(Double(x[start + second]))
                        let frequency = pow(Double(base), -2 * Double(pair) / Double(dimensions)) / Double(factors?[pair] ?? 1)
                        let error = (8 * Double(positions[row]) * frequency + 8) * RoundOff.unit * size + 4 * RoundOff.flush
                        tolerance[start + first] = error
                        tolerance[start + second] = error
                    }
                }
            }
            return [tolerance]
        }
    }
}
