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
        let dtype = generator.activationType()
        var x = generator.values(rows * channels, generator.pick(ValueRange.allCases), dtype)
        for index in x.indices where generator.chance(0.05) { x[index] = generator.pick([.infinity, -.infinity, .nan, -0.0, 0.5, -1]) }
        let shape: Shape = rows % 3 == 0 ? [rows / 3, 3, channels] : [rows, channels]
        // Some supports end exactly at a value that x has.
        let transport = CheckTransport(
            rows: rows, channels: channels, neutral: generator.chance(0.25), bounds: [0, 0.5, -1], &generator)
        let isInPlace = generator.chance(0.4)
        let description = "x \(shape) \(dtype)\(isInPlace ? " in place" : ""), \(transport.description)"
        return CheckCase(shapes: description) { [x] device in
            let output = try device.output(shape, dtype, initial: isInPlace ? x : nil)
            let input = isInPlace ? output : try device.input(x, shape, dtype, "x")
            return [try device.read(device.backend.transport(input, by: transport.application(on: device), into: output))]
        } tolerances: { [x] _, _ in
            [
                x.indices.map { index in
                    let (value, row, channel) = (Double(x[index]), index / channels, index % channels)
                    let error = transport.tolerance(value, error: 0, row: row, channel: channel)
                    // What stays as it is has a tolerance of 0: the same bits.
                    guard error > 0, let map = transport.map(row: row, channel: channel) else { return error }
                    return error + RoundOff.storing(dtype, abs(map.moved(value)) + error)
                }
            ]
        }
    }
}
