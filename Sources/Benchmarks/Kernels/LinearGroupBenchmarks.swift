import Tensors

extension KernelBenchmark {
    /// The projections of a block that read the same x: queries, keys and values, and gate and up.
    static let linearGroupBenchmarks: [KernelBenchmark] = DecoderSizes.all.flatMap { sizes in
        [1, 8, 512].flatMap { rows in
            let quantised: DType = sizes.channels % 256 == 0 ? .q4_K : .q4_1
            return [DType.f16, quantised].flatMap { dtype in
                [projections(sizes, rows: rows, dtype), gatedLinear(sizes, rows: rows, dtype)].map { $0.ofDecode(rows <= 8) }
            }
        }
    }

    private static func projections(_ sizes: DecoderSizes, rows: Int, _ dtype: DType) -> KernelBenchmark {
        let outputs = [sizes.heads, sizes.keyHeads, sizes.keyHeads].map { $0 * sizes.headChannels }
        let all = outputs.reduce(0, +)
        return KernelBenchmark(
            "linears", sizes.model, "x [\(rows), \(sizes.channels)], weights \(outputs) of \(sizes.channels) \(dtype)",
            bytes: dtype.byteCount(elements: sizes.channels * all)! + 4 * rows * (sizes.channels + all),
            operations: 2 * rows * sizes.channels * all
        ) { inputs in
            let x = try inputs.floats([rows, sizes.channels])
            let factors = try outputs.map { LinearFactor(weight: try inputs.weight($0, sizes.channels, dtype)) }
            let results = try outputs.map { try inputs.output([rows, $0]) }
            return { _ = try inputs.backend.linears(x, factors, into: results) }
        }
    }

    private static func gatedLinear(_ sizes: DecoderSizes, rows: Int, _ dtype: DType) -> KernelBenchmark {
        let (channels, wide) = (sizes.channels, sizes.feedForward)
        return KernelBenchmark(
            "gatedLinear", sizes.model, "x [\(rows), \(channels)], gate and up [\(wide), \(channels)] \(dtype), silu",
            bytes: 2 * dtype.byteCount(elements: channels * wide)! + 4 * rows * (channels + wide), operations: 4 * rows * channels * wide
        ) { inputs in
            let x = try inputs.floats([rows, channels])
            let factors = try (0..<2).map { _ in LinearFactor(weight: try inputs.weight(wide, channels, dtype)) }
            let result = try inputs.output([rows, wide])
            return { _ = try inputs.backend.gatedLinear(x, gate: factors[0], up: factors[1], activation: .silu, into: result) }
        }
    }
}
