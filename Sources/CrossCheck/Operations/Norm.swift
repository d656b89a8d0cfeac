import Tensors

extension CheckedOperation {
    /// The squares are positive, so that their sum errs by `RoundOff.sum(C)·u` relatively, of which the root takes half; mean, ε,
    /// inverse root (2 ulp) and two products add at most 8u.
    static let rmsNorm = CheckedOperation(
        name: "rmsNorm", summary: "gain · x / √(mean(x²) + ε), with transports",
        tolerance: "(min(C, 8√C)/2 + 8)·u·|y|, through the slope of the map", defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = index % 8 == 7 ? generator.pick([576, 1000, 2304, 4096]) : generator.extent(atMost: 513)
        let range = generator.pick(ValueRange.allCases)
        let types = generator.activationTypes()
        let x = generator.values(rows * channels, range, types.operand)
        let gain = generator.normals(channels, mean: 1, deviation: 0.3)
        let epsilon: Float = range == .ordinary && channels > 4 ? generator.pick([0, 1e-6, 1e-5]) : 1e-5
        let shape: Shape = rows % 2 == 0 && rows > 0 ? [2, rows / 2, channels] : [rows, channels]
        if index % 3 == 1 && rows > 0 {
            return mappedNormCase(x, gain, epsilon: epsilon, shape, &generator)
        }
        let transports = (0..<generator.pick([0, 0, 1, 2])).map { _ in
            CheckTransport(rows: rows, channels: channels, bounds: [0.25, -0.5], &generator)
        }
        let description =
            "x \(shape) \(types.operand) to \(types.result) \(range), ε \(epsilon)" + transports.map { ", \($0.description)" }.joined()
        return CheckCase(shapes: description) { device in
            let result = try device.backend.rmsNorm(
                device.input(x, shape, types.operand, "x"), gain: device.input(gain, [channels], "the gain"), epsilon: epsilon,
                transports: transports.map { try $0.application(on: device) }, into: device.output(shape, types.result))
            return [try device.read(result)]
        } tolerances: { _, _ in
            let relative = (RoundOff.sum(channels) / 2 + 8) * RoundOff.unit
            return [
                (0..<rows).flatMap { row in
                    let values = x[row * channels..<(row + 1) * channels].map(Double.init)
                    let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(channels) + Double(epsilon)).squareRoot()
                    return values.enumerated().map { channel, element in
                        var value = Double(gain[channel]) * element / deviation
                        // A denormal x that is flushed loses all of its share.
                        var error = relative * abs(value) + 2 * RoundOff.flush * (1 + abs(Double(gain[channel])) / deviation)
                        if element == 0 { error = 0 }
                        for (order, transport) in transports.enumerated() {
                            if order > 0 { error += RoundOff.storing(types.result, value) }
                            error = transport.tolerance(value, error: error, row: row, channel: channel)
                            if let map = transport.map(row: row, channel: channel), map.low < value, value < map.high {
                                value = map.moved(value)
                            }
                        }
                        return error + RoundOff.storing(types.result, abs(value) + error)
                    }
                }
            ]
        }
    }

    /// A fused transport against the same kernel without one; zeros in x lie exactly on an edge of some supports.
    private static func mappedNormCase(
        _ x: [Float], _ gain: [Float], epsilon: Float, _ shape: Shape, _ generator: inout CheckGenerator
    ) -> CheckCase {
        var x = x
        for index in x.indices where generator.chance(0.1) { x[index] = 0 }
        let channels = shape.channels
        let transport = CheckTransport(rows: shape.rows, channels: channels, neutral: generator.chance(0.4), &generator)
        return CheckCase(shapes: "x \(shape), ε \(epsilon), \(transport.description) and without") { [x] device in
            let input = try device.input(x, shape, "x")
            let gains = try device.input(gain, [channels], "the gain")
            let plain = try device.backend.rmsNorm(input, gain: gains, epsilon: epsilon, into: device.output(shape))
            let mapped = try device.backend.rmsNorm(
                input, gain: gains, epsilon: epsilon, transports: [transport.application(on: device)], into: device.output(shape))
            return [try device.read(plain), try device.read(mapped)]
        } tolerances: { _, _ in
            []
        } properties: {
            transport.violations(plain: $0[0].floats, mapped: $0[1].floats)
        }
    }
}
