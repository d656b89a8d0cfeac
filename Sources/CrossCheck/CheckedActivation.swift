import Tensors

/// An activation on its way through the steps of an operation: the exact values, and how far a kernel's may lie from them.
struct CheckedActivation {
    let shape: Shape
    private(set) var values: [Double]
    private(set) var errors: [Double]

    /// The result of a norm over sets of elements: `gain · (x − m) / √(v + ε) + bias`, m and v the set's.
    ///
    /// The mean errs by its sum, δ = (`sum`(n) + 4)·u·mean|x|, and with it every centred value. The squares err by `sum`(n)·u, by the
    /// distances of the means of parts, of which each errs by δ, 2δ/σ, and by the mean's own, δ²/σ²; the root takes half of it. Inverse
    /// root (2 ulp), products and sums add at most 8u. Equal values are their mean, exactly; the sign of the zero that is left is nobody's.
    /// - Parameter sets: The indices of the elements that are normalised together, for each set.
    init(norm x: [Float], _ shape: Shape, sets: [[Int]], gain: [Float]?, bias: [Float]?, epsilon: Float) {
        self.shape = shape
        values = [Double](repeating: 0, count: x.count)
        errors = values
        let channels = shape.channels
        for set in sets {
            let count = Double(set.count)
            let isConstant = set.allSatisfy { x[$0] == x[set[0]] }
            let mean = isConstant ? Double(x[set[0]]) : set.reduce(0) { $0 + Double(x[$1]) } / count
            let size = set.reduce(0) { $0 + abs(Double(x[$1])) } / count
            let variance = isConstant ? 0 : set.reduce(0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) } / count
            let deviation = (variance + Double(epsilon)).squareRoot()
            let meanError = isConstant ? 0 : (RoundOff.sum(set.count) + 4) * RoundOff.unit * size + RoundOff.flush
            let varianceError =
                (RoundOff.sum(set.count) + 8) * RoundOff.unit * variance + 2 * variance.squareRoot() * meanError + meanError * meanError
            let relative = varianceError / (2 * deviation * deviation) + 8 * RoundOff.unit
            for index in set {
                let (factor, offset) = (Double(gain?[index % channels] ?? 1), Double(bias?[index % channels] ?? 0))
                let centred = factor * (Double(x[index]) - mean) / deviation
                values[index] = centred + offset
                errors[index] =
                    abs(factor) * meanError / deviation + abs(centred) * relative + 2 * RoundOff.unit * (abs(offset) + abs(values[index]))
                    + (isConstant ? .leastNonzeroMagnitude : 2 * RoundOff.flush * (1 + abs(factor) / deviation))
            }
        }
    }

    /// A number whose sums are rounded, of any sign and up to 10²⁰ in size (4000 for f16).
    static func constant(_ dtype: DType, _ generator: inout CheckGenerator) -> Float {
        let value = Float(generator.normal()) * (dtype == .f16 ? generator.pick([0.1, 700]) : generator.pick([0.1, 1e3, 1e20]))
        return dtype == .f16 ? Float(Float16(value)) : value
    }

    /// Values that a type holds exactly.
    init(exact values: [Double], _ shape: Shape) {
        self.shape = shape
        self.values = values
        errors = [Double](repeating: 0, count: values.count)
    }

    /// A map. The mean of a channel errs by those of its values and by its sum.
    /// - Parameter meanErrors: `[images, channels]`: what a mean may be off beyond that, where it does not come from the values.
    mutating func apply(_ transport: CheckTransport, meanErrors: [Double]? = nil) {
        let channels = shape.channels
        guard transport.spatial == .channelMean else {
            for index in values.indices {
                let (row, channel) = (index / channels, index % channels)
                errors[index] = transport.tolerance(values[index], error: errors[index], row: row, channel: channel)
                if let map = transport.map(row: row, channel: channel), map.low < values[index], values[index] < map.high {
                    values[index] = map.moved(values[index])
                }
            }
            return
        }
        guard shape.count > 0 else { return }
        let pixels = shape.rows / shape.images
        for column in 0..<shape.images * channels {
            let (image, channel) = (column / channels, column % channels)
            let places = (0..<pixels).map { (image * pixels + $0) * channels + channel }
            let mean = places.reduce(0) { $0 + values[$1] } / Double(pixels)
            let size = places.reduce(0) { $0 + abs(values[$1]) } / Double(pixels)
            let passedOn = places.reduce(0) { $0 + errors[$1] } / Double(pixels)
            let meanError =
                passedOn + (RoundOff.sum(pixels) + 4) * RoundOff.unit * size + RoundOff.flush + (meanErrors?[column] ?? 0)
            let (shift, shiftError) = transport.shift(mean, error: meanError, image: image, channel: channel)
            guard shift != 0 || shiftError != 0 else { continue }
            for place in places {
                values[place] += shift
                errors[place] += shiftError + 2 * RoundOff.unit * (abs(shift) + abs(values[place]))
            }
        }
    }

    /// A map of exact values whose strength differs from row to row.
    /// - Parameter gates: What the strength of each row is multiplied by.
    mutating func apply(_ transport: CheckTransport, gates: [CheckedGate]) {
        for index in values.indices {
            let (row, channel, x) = (index / shape.channels, index % shape.channels, values[index])
            guard let map = transport.map(row: row, channel: channel, gate: gates[row].value),
                let whole = transport.map(row: row, channel: channel)
            else { continue }
            let (isNearEdge, isInside) = (map.isNearEdge(x, error: 0), map.low < x && x < map.high)
            guard isInside || isNearEdge else { continue }
            let terms = abs(map.omega * x) + abs(map.beta) + abs(x)
            errors[index] =
                abs(whole.moved(x) - x) * (gates[row].error + RoundOff.flush) + map.roundOff(x) + RoundOff.unit * abs(map.strength) * terms
                + (isNearEdge ? abs(map.moved(x) - x) : 0)
            if isInside { values[index] = map.moved(x) }
        }
    }

    /// Adds to some of the values what is known to within an error.
    /// - Parameter shifts: Of each element; nil where it stays as it is.
    mutating func shift(_ shifts: [(value: Double, error: Double)?]) {
        for (index, shift) in shifts.enumerated() {
            guard let shift else { continue }
            // The sum is rounded, and the reference's once more.
            errors[index] += shift.error + 2 * RoundOff.unit * (abs(values[index]) + abs(shift.value)) + RoundOff.flush
            values[index] += shift.value
        }
    }

    mutating func apply(_ activation: Activation) {
        if activation == .identity { return }
        for index in values.indices {
            let (x, error) = (values[index], errors[index])
            values[index] = activation.value(x)
            // The sign of a zero is not the function's to keep.
            errors[index] =
                activation.slope * error + activation.roundOff(x) + RoundOff.unit * abs(values[index]) + RoundOff.flush
        }
    }

    mutating func add(_ residual: [Float]) {
        for index in values.indices {
            values[index] += Double(residual[index])
            errors[index] += 2 * RoundOff.unit * (abs(values[index]) + abs(Double(residual[index])))
        }
    }

    /// The values are of another type than what they are stored as, whatever happens to them.
    mutating func narrow(to dtype: DType) {
        for index in values.indices { errors[index] += RoundOff.storing(dtype, abs(values[index]) + errors[index]) }
    }

    /// The values go through memory.
    mutating func store(_ dtype: DType) {
        for index in values.indices where errors[index] > 0 {
            errors[index] += RoundOff.storing(dtype, abs(values[index]) + errors[index])
        }
    }
}
