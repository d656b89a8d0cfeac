import Tensors

extension KernelBenchmark {
    /// Pooling of a calibration batch, and its mean along an axis; the fit of 512 sequences a side, and of every token of as many.
    static let captureBenchmarks: [KernelBenchmark] =
        DecoderSizes.all.flatMap { [pool($0), reduce($0)] + fits($0, samples: 512) } + fits(.small, samples: 65_536)

    private static func pool(_ sizes: DecoderSizes) -> KernelBenchmark {
        let (channels, sequences, tokens) = (sizes.channels, 16, 64)
        return mean("pool", sizes, "x [\(sequences * tokens), \(channels)], mean of \(tokens)", sequences, tokens) { inputs, output in
            let x = try inputs.floats([sequences * tokens, channels])
            let starts = try inputs.integers((0..<sequences).map { Int32($0 * tokens) })
            let counts = try inputs.integers([Int32](repeating: Int32(tokens), count: sequences))
            return {
                _ = try inputs.backend.pool(x, starts: starts, counts: counts, maximumCount: tokens, pooling: .mean, into: output)
            }
        }
    }

    private static func reduce(_ sizes: DecoderSizes) -> KernelBenchmark {
        let (channels, sequences, tokens) = (sizes.channels, 16, 64)
        return mean("reduce", sizes, "x [\(sequences), \(tokens), \(channels)], mean over axis 1", sequences, tokens) { inputs, output in
            let x = try inputs.floats([sequences, tokens, channels])
            return { _ = try inputs.backend.reduce(x, .mean, axis: 1, into: output) }
        }
    }

    /// An operation that makes the mean of each sequence.
    private static func mean(
        _ operation: String, _ sizes: DecoderSizes, _ shapes: String, _ sequences: Int, _ tokens: Int,
        prepare: @escaping @Sendable (_ inputs: BenchmarkInputs, _ output: Tensor) throws -> () throws -> Void
    ) -> KernelBenchmark {
        let channels = sizes.channels
        return KernelBenchmark(
            operation, sizes.model, shapes, bytes: (sequences * tokens + sequences) * channels * floatBytes,
            operations: sequences * tokens * channels
        ) { try prepare($0, $0.output([sequences, channels])) }
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
