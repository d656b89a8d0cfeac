import Foundation
import Tensors

extension CheckedOperation {
    /// The differences x − max are exact, with what rounding takes from them carried along. The exponential errs by 4u, and under the sum
    /// those of all by 4u between them; sums are of few terms or compensated, and err by 3u however long a row is; the quotient errs by
    /// 2.5 ulp, 5u. 16u are 9.5·10⁻⁷.
    static let softmax = CheckedOperation(
        name: "softmax", summary: "exp(x − max) / Σ exp(x − max) over the last axis",
        tolerance: "16u·y, for rows of any length; the rounding of f16", defaultCases: 70
    ) { index, generator, _ in
        // One in 35 is as long as a vocabulary.
        let isLong = index % 35 == 17
        let rows = index == 0 ? 0 : isLong ? 2 : generator.extent(atMost: 65)
        let channels =
            isLong ? 150_001 : index % 10 == 7 ? generator.pick([1024, 2049, 4096, 5000]) : generator.extent(atMost: 513)
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
                    return weights.map { weight in
                        let y = weight / sum
                        // Exponentials below the normal numbers may be flushed.
                        return 16 * RoundOff.unit * y + 2 * RoundOff.flush + RoundOff.storing(dtype, y)
                    }
                }
            ]
        }
    }
}
