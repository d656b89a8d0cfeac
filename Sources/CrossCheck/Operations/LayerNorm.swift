import Tensors

extension CheckedOperation {
    static let layerNorm = CheckedOperation(
        name: "layerNorm", summary: "gain · (x − mean) / √(variance + ε) + bias over channels, with transports",
        tolerance: "δ·|gain|/σ + (min(C, 8√C)·u/2 + δ/σ + 8u)·|y| with δ = min(C, 8√C)·u·mean|x|, through the slope of the maps",
        defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = index % 8 == 7 ? generator.pick([576, 1000, 1280, 4096]) : generator.extent(atMost: 513)
        let range = generator.pick(ValueRange.allCases)
        let types = generator.activationTypes()
        var x = generator.values(rows * channels, range, types.operand)
        // Far from zero, where squares of what is not centred would cancel.
        if range == .ordinary, generator.chance(0.3) { x = x.map { types.operand == .f16 ? Float(Float16($0 + 30)) : $0 + 300 } }
        let gain: [Float]? = generator.chance(0.7) ? generator.normals(channels, mean: 1, deviation: 0.3) : nil
        let bias: [Float]? = generator.chance(0.7) ? generator.normals(channels) : nil
        var epsilon: Float = range == .ordinary && channels > 4 ? generator.pick([0, 1e-6, 1e-5]) : 1e-5
        // Equal values are their mean, exactly: what is left is the bias.
        let isConstant = index % 6 == 5
        if isConstant {
            epsilon = generator.pick([1e-12, 1e-30])
            for row in 0..<rows {
                let value = CheckedActivation.constant(types.operand, &generator)
                for channel in 0..<channels { x[row * channels + channel] = value }
            }
        }
        let shape: Shape = rows % 2 == 0 && rows > 0 ? [2, rows / 2, channels] : [rows, channels]
        let isCompared = index % 3 == 1 && rows > 0
        let transports = (0..<(isCompared ? 1 : generator.pick([0, 0, 1, 2]))).map { _ in
            CheckTransport(
                shape, generator.chance(0.75) ? .pointwise : .channelMean, neutral: isCompared, bounds: [0.25, -0.5], &generator)
        }
        let description =
            "x \(shape) \(types.operand) to \(types.result) \(isConstant ? "equal values" : "\(range)")\(gain == nil ? "" : ", gain")\(bias == nil ? "" : ", bias"), ε \(epsilon)"
            + transports.map { ", \($0.description)" }.joined() + (isCompared ? " and without" : "")
        return CheckCase(shapes: description) { [x] device in
            let input = try device.input(x, shape, types.operand, "x")
            let gain = try gain.map { try device.input($0, [channels], "the gain") }
            let bias = try bias.map { try device.input($0, [channels], "the bias") }
            let maps = try transports.map { try $0.application(on: device) }
            return try (isCompared ? [[], maps] : [maps]).map {
                try device.read(
                    device.backend.layerNorm(
                        input, gain: gain, bias: bias, epsilon: epsilon, transports: $0, into: device.output(shape, types.result)))
            }
        } tolerances: { [x] _, outputs in
            var checked = CheckedActivation(
                norm: x, shape, sets: (0..<rows).map { Array($0 * channels..<($0 + 1) * channels) }, gain: gain, bias: bias,
                epsilon: epsilon)
            for (order, transport) in transports.enumerated() {
                if order > 0 || transport.spatial == .channelMean { checked.store(types.result) }
                checked.apply(transport)
            }
            checked.store(types.result)
            return outputs.map { _ in checked.errors }
        } properties: { outputs in
            isCompared ? sameBits(outputs[0].floats, outputs[1].floats) : []
        }
    }

    /// A sentence when a map that applies nowhere has changed something.
    static func sameBits(_ plain: [Float], _ mapped: [Float]) -> [String] {
        guard let index = plain.indices.first(where: { plain[$0].bitPattern != mapped[$0].bitPattern }) else { return [] }
        return ["element \(index) is \(mapped[index]) with a transport that does not apply to it, \(plain[index]) without: the bits differ"]
    }
}
