import Tensors

extension KernelBenchmark {
    /// Pooling of a calibration batch, and its mean along an axis; the fit of 512 sequences a side, and of every token of as many.
    static let captureBenchmarks: [KernelBenchmark] =
        DecoderSizes.all.flatMap { [pool($0), reduce($0)] + fits($0, samples: 512) } + fits(.small, samples: 65_536)

    private static func pool(_ sizes: DecoderSizes) -> KernelBenchmark {
        let (model, channels, sequences, tokens) = (sizes.model, sizes.channels, 16, 64)
        return KernelBenchmark(
            "pool", model, "x [\(sequences * tokens), \(channels)], mean of \(tokens)",
            bytes: (sequences * tokens + sequences) * channels * floatBytes, operations: sequences * tokens * channels
        ) { inputs in
            let (x, output) = (try inputs.floats([sequences * tokens, channels]), try inputs.output([sequences, channels]))
            let starts = try inputs.integers((0..<sequences).map { Int32($0 * tokens) })
            let counts = try inputs.integers([Int32](repeating: Int32(tokens), count: sequences))
            return {
                _ = try inputs.backend.pool(x, starts: starts, counts: counts, maximumCount: tokens, pooling: .mean, into: output)
            }
        }
    }

    private static func reduce(_ sizes: DecoderSizes) -> KernelBenchmark {
        let (model, channels, sequences, tokens) = (sizes.model, sizes.channels, 16, 64)
        return KernelBenchmark(
            "reduce", model, "x [\(sequences), \(tokens), \(channels)], mean over axis 1",
            bytes: (sequences * tokens + sequences) * channels * floatBytes, operations: sequences * tokens * channels
        ) { inputs in
            let (x, output) = (try inputs.floats([sequences, tokens, channels]), try inputs.output([sequences, channels]))
            return { _ = try inputs.backend.reduce(x, .mean, axis: 1, into: output) }
        }
    }

    private static func fits(_ sizes: DecoderSizes, samples: Int) -> [KernelBenchmark] {
        let (model, channels) = (sizes.model, sizes.channels)
        let sampleBytes = samples * channels * floatBytes
        let comparisons = samples * channels * (Int.bitWidth - samples.leadingZeroBitCount - 1)
        return [
            KernelBenchmark(
                "aurocColumns", model, "source and target [\(samples), \(channels)]", bytes: 2 * sampleBytes + channels * floatBytes,
                operations: 2 * samples * channels
            ) { inputs in
                let (source, target) = (try inputs.sorted(samples, channels), try inputs.sorted(samples, channels))
                let output = try inputs.output([channels])
                return { _ = try inputs.backend.aurocColumns(source: source, target: target, into: output) }
            },
            KernelBenchmark(
                "sortColumns", model, "x [\(samples), \(channels)]", bytes: 2 * sampleBytes, operations: comparisons
            ) { inputs in
                let (x, output) = (try inputs.floats([samples, channels]), try inputs.output([samples, channels]))
                return { _ = try inputs.backend.sortColumns(x, into: output) }
            },
            KernelBenchmark(
                "fitColumns", model, "source and target [\(samples), \(channels)], linear",
                bytes: 2 * sampleBytes + 6 * channels * floatBytes, operations: 10 * samples * channels
            ) { inputs in
                let (source, target) = (try inputs.sorted(samples, channels), try inputs.sorted(samples, channels))
                let output = try inputs.output([6, channels])
                return { _ = try inputs.backend.fitColumns(source: source, target: target, method: .linear, into: output) }
            },
            KernelBenchmark(
                "quantileColumns", model, "x [\(samples), \(channels)], 2 levels", bytes: 6 * channels * floatBytes,
                operations: 6 * channels, memory: sampleBytes + 2 * channels * floatBytes
            ) { inputs in
                let (x, output) = (try inputs.sorted(samples, channels), try inputs.output([2, channels]))
                return { _ = try inputs.backend.quantileColumns(x, levels: [0.005, 0.995], into: output) }
            },
        ]
    }
}
