import Tensors

extension CheckedOperation {
    /// Bit for bit where the map does not apply; elsewhere the rounding of `x + λ·(ω·x + β − x)`, or of a shift with the mean's error.
    static let transport = CheckedOperation(
        name: "transport", summary: "x + λ·(ω·x + β − x) within the support, per row or image and neuron; or by the mean z over an image",
        tolerance: "6u·(|x| + |λ|·(|ω·x| + |β| + |x|)), min(n, 8√n)·u·mean|x|·|λ·(ω − 1)| for a mean of n pixels; the same bits where "
            + "λ = 0, the index is 0, or x lies outside",
        defaultCases: 90
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 129)
        let channels = generator.extent(atMost: 320)
        let types = generator.activationTypes()
        let isNarrowed = types.operand == .f32 && types.result == .f16
        var x = generator.values(rows * channels, generator.pick(ValueRange.allCases), types.operand, to: types.result)
        for index in x.indices where generator.chance(0.05) { x[index] = generator.pick([.infinity, -.infinity, .nan, -0.0, 0.5, -1]) }
        let shape: Shape = rows % 3 == 0 ? [rows / 3, 3, channels] : rows % 2 == 0 ? [2, rows / 2, channels] : [rows, channels]
        let spatial: SpatialMode = generator.chance(0.6) ? .pointwise : .channelMean
        let activation: Activation = generator.chance(0.7) ? .identity : generator.pick(Activation.allCases)
        // A channel with a value that is no number has a mean that is none; and functions are compared where they are defined.
        if spatial == .channelMean || activation != .identity { x = x.map { $0.isFinite ? $0 : 2 } }
        // Some supports end exactly at a value that x has.
        let transport = CheckTransport(shape, spatial, neutral: generator.chance(0.25), bounds: [0, 0.5, -1], &generator)
        let isInPlace = types.operand == types.result && generator.chance(0.4)
        let description =
            "x \(shape) \(types.operand) to \(types.result)\(isInPlace ? " in place" : ""), \(transport.description)"
            + (activation == .identity ? "" : ", \(activation)")
        return CheckCase(shapes: description) { [x] device in
            let output = try device.output(shape, types.result, initial: isInPlace ? x : nil)
            let input = isInPlace ? output : try device.input(x, shape, types.operand, "x")
            let map = try transport.application(on: device)
            return [try device.read(device.backend.transport(input, by: map, activation: activation, into: output))]
        } tolerances: { [x] _, _ in
            // What stays as it is has a tolerance of 0: the same bits.
            var checked = CheckedActivation(exact: x.map(Double.init), shape)
            checked.apply(transport)
            checked.apply(activation)
            if isNarrowed { checked.narrow(to: types.result) } else { checked.store(types.result) }
            return [checked.errors]
        }
    }
}
