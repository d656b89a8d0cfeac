import Foundation
import Tensors

extension CheckedOperation {
    /// With d = x − max, rounded: the exponential errs by 3 + 2|d| ulp (an ulp is at most 2u) and by that of its argument, |d|u; the sum by
    /// its own and, weighted, by those of all exponentials, of which those of large |d| hardly weigh; the quotient by 2.5 ulp.
    static let softmax = CheckedOperation(
        name: "softmax", summary: "exp(x − max) / Σ exp(x − max) over the last axis",
        tolerance: "y·u·(6 + 5|d| + mean of (6 + 5|d|) under y + min(n, 8√n) + 6), d = x − max; the rounding of f16", defaultCases: 70
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = index % 10 == 7 ? generator.pick([1024, 2049, 4096, 5000]) : generator.extent(atMost: 513)
        let dtype = generator.activationType()
        let range = generator.pick(ValueRange.allCases)
        var x = generator.values(rows * channels, range, dtype)
        // Masked elements, and now and then rows that are nothing else, or that hold what spoils them.
        if generator.chance(0.4) {
            for index in x.indices where generator.chance(0.3) { x[index] = -.infinity }
            for row in 0..<rows where generator.chance(0.1) {
                for channel in 0..<channels { x[row * channels + channel] = -.infinity }
                if generator.chance(0.4) { x[row * channels] = generator.pick([.infinity, .nan]) }
            }
        }
        let isInPlace = generator.chance(0.4)
        let shape: Shape = rows % 2 == 0 ? [2, rows / 2, channels] : [rows, channels]
        return CheckCase(shapes: "x \(shape) \(dtype)\(isInPlace ? " in place" : "") \(range)") { [x] device in
            let output = try device.output(shape, dtype, initial: isInPlace ? x : nil)
            let result = try device.backend.softmax(isInPlace ? output : device.input(x, shape, dtype, "x"), into: output)
            return [try device.read(result)]
        } tolerances: { [x] _, _ in
            [
                (0..<rows).flatMap { row -> [Double] in
                    let values = x[row * channels..<(row + 1) * channels].map(Double.init)
                    let largest = values.max()!
                    // Such a row is NaN.
                    guard largest.isFinite, !values.contains(where: \.isNaN) else { return [Double](repeating: 0, count: channels) }
                    let weights = values.map { exp($0 - largest) }
                    let sum = weights.reduce(0, +)
                    func error(_ channel: Int) -> Double { weights[channel] == 0 ? 0 : 6 + 5 * (largest - values[channel]) }
                    let mean = weights.indices.reduce(0) { $0 + weights[$1] * error($1) } / sum
                    return weights.indices.map { channel in
                        let y = weights[channel] / sum
                        let relative = (error(channel) + mean + RoundOff.sum(channels) + 6) * RoundOff.unit
                        // Exponentials below the normal numbers may be flushed.
                        return y * relative + 2 * RoundOff.flush + RoundOff.storing(dtype, y)
                    }
                }
            ]
        }
    }
}
