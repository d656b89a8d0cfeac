import Tensors

extension CheckedOperation {
    /// Bit for bit where the map does not apply; elsewhere the rounding of `x + λ·(ω·x + β − x)`.
    static let transport = CheckedOperation(
        name: "transport", summary: "x + λ·(ω·x + β − x) within the support, per row and neuron",
        tolerance: "6u·(|x| + |λ|·(|ω·x| + |β| + |x|)); the same bits where λ = 0, the index is 0, or x lies outside",
        defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 129)
        let channels = generator.extent(atMost: 320)
        var x = generator.values(rows * channels, generator.pick(ValueRange.allCases))
        for index in x.indices where generator.chance(0.05) { x[index] = generator.pick([.infinity, -.infinity, .nan, -0.0, 0.5, -1]) }
        let shape: Shape = rows % 3 == 0 ? [rows / 3, 3, channels] : [rows, channels]
        // Some supports end exactly at a value that x has.
        let transport = CheckTransport(
            rows: rows, channels: channels, neutral: generator.chance(0.25), bounds: [0, 0.5, -1], &generator)
        let isInPlace = generator.chance(0.4)
        let description = "x \(shape)\(isInPlace ? " in place" : ""), \(transport.description)"
        return CheckCase(shapes: description) { [x] device in
            let output = try device.output(shape, initial: isInPlace ? x : nil)
            let input = isInPlace ? output : try device.input(x, shape, "x")
            return [try device.read(device.backend.transport(input, by: transport.application(on: device), into: output))]
        } tolerances: { [x] _, _ in
            [x.indices.map { transport.tolerance(Double(x[$0]), error: 0, row: $0 / channels, channel: $0 % channels) }]
        }
    }
}
