import Tensors

extension CrossCheck {
    /// Sizes of a 135M- and an 8B-class model, at one token of one request, of a batch, and at a prompt of 512 tokens.
    public static let benchmarks: [KernelBenchmark] = ModelClass.all.flatMap { model in
        linears(model) + attentions(model) + rowwise(model) + selections(model) + captures(model)
    }

    private static let floatBytes = MemoryLayout<Float>.size
    private static let batches = [1, 8, 512]

    /// Projections of a block and the output head, in the types that such models come in.
    private static func linears(_ model: ModelClass) -> [KernelBenchmark] {
        let block: [(inputs: Int, outputs: Int, dtype: DType)] = [
            (model.channels, model.feedForward, .f16),
            (model.channels, model.feedForward, model.channels % 256 == 0 ? .q4_K : .q4_1),
            (model.feedForward, model.channels, .q8_0),
        ]
        let head = (inputs: model.channels, outputs: model.vocabulary, dtype: DType.q8_0)
        return (batches.flatMap { rows in block.map { (rows, $0) } } + [(1, head)]).map { rows, size in
            let weightBytes = size.dtype.byteCount(elements: size.inputs * size.outputs)!
            return KernelBenchmark(
                operation: "linear", model: model,
                shapes: "x [\(rows), \(size.inputs)], weight [\(size.outputs), \(size.inputs)] \(size.dtype)",
                bytes: weightBytes + rows * (size.inputs + size.outputs) * floatBytes,
                operations: 2 * rows * size.inputs * size.outputs
            ) { inputs in
                let x = try inputs.floats([rows, size.inputs])
                let weight = try inputs.weight(size.outputs, size.inputs, size.dtype)
                let output = try inputs.output([rows, size.outputs])
                return { _ = try inputs.backend.linear(x, weight: weight, into: output) }
            }
        }
    }

    /// One token after 2048 and a prompt of 512, both for one sequence and for several.
    private static func attentions(_ model: ModelClass) -> [KernelBenchmark] {
        let batches = [
            (sequences: 1, queries: 1, keys: 2048), (sequences: 8, queries: 1, keys: 2048), (sequences: 1, queries: 512, keys: 512),
            (sequences: 4, queries: 128, keys: 128),
        ]
        return batches.map { sequences, queries, keys in
            let (heads, keyHeads, channels) = (model.heads, model.keyHeads, model.headChannels)
            let rows = sequences * queries
            // Query i of a sequence sees keys − queries + i + 1 keys.
            let visible = sequences * (queries * (keys - queries) + queries * (queries + 1) / 2)
            let elements = 2 * rows * heads * channels + 2 * sequences * keys * keyHeads * channels
            return KernelBenchmark(
                operation: "attention", model: model,
                shapes:
                    "\(sequences) sequences of \(queries) queries and \(keys) keys, \(heads) heads over \(keyHeads), \(channels) channels",
                bytes: elements * floatBytes, operations: 4 * visible * heads * channels
            ) { inputs in
                let cache: Shape = [sequences, keys, keyHeads, channels]
                let (query, key, value) = (
                    try inputs.floats([rows, heads, channels]), try inputs.floats(cache), try inputs.floats(cache)
                )
                let segments = Segments(
                    queryStarts: try inputs.integers((0...sequences).map { Int32($0 * queries) }),
                    keyLengths: try inputs.integers([Int32](repeating: Int32(keys), count: sequences)),
                    slots: try inputs.integers((0..<sequences).map { Int32($0) }), maximumQueries: queries, maximumKeys: keys)
                let output = try inputs.output([rows, heads, channels])
                return {
                    _ = try inputs.backend.attention(
                        query, keys: key, values: value, segments: segments, scale: 0.125, into: output)
                }
            }
        }
    }

    /// What is one read and one write a row.
    private static func rowwise(_ model: ModelClass) -> [KernelBenchmark] {
        [1, 512].flatMap { rows -> [KernelBenchmark] in
            let (channels, wide) = (model.channels, model.feedForward)
            let (activation, wideActivation) = (rows * channels * floatBytes, rows * wide * floatBytes)
            let mapBytes = min(rows, BenchmarkInputs.maps) * channels * 4 * floatBytes
            let keyShape: Shape = [rows, model.keyHeads, model.headChannels]
            func benchmark(
                _ operation: String, _ shapes: String, bytes: Int, operations: Int,
                _ make: @escaping @Sendable (BenchmarkInputs) throws -> () throws -> Void
            ) -> KernelBenchmark {
                KernelBenchmark(operation: operation, model: model, shapes: shapes, bytes: bytes, operations: operations, make: make)
            }
            return [
                benchmark("rmsNorm", "x [\(rows), \(channels)]", bytes: 2 * activation, operations: 4 * rows * channels) { inputs in
                    let (x, gain) = (try inputs.floats([rows, channels]), try inputs.floats([channels]))
                    let output = try inputs.output([rows, channels])
                    return { _ = try inputs.backend.rmsNorm(x, gain: gain, epsilon: 1e-5, into: output) }
                },
                benchmark(
                    "rmsNorm", "x [\(rows), \(channels)], transport", bytes: 2 * activation + mapBytes, operations: 9 * rows * channels
                ) { inputs in
                    let (x, gain) = (try inputs.floats([rows, channels]), try inputs.floats([channels]))
                    let (map, output) = (try inputs.transport(rows, channels), try inputs.output([rows, channels]))
                    return { _ = try inputs.backend.rmsNorm(x, gain: gain, epsilon: 1e-5, transports: [map], into: output) }
                },
                benchmark(
                    "transport", "x [\(rows), \(channels)], \(BenchmarkInputs.maps) maps", bytes: 2 * activation + mapBytes,
                    operations: 5 * rows * channels
                ) { inputs in
                    let (x, map) = (try inputs.floats([rows, channels]), try inputs.transport(rows, channels))
                    let output = try inputs.output([rows, channels])
                    return { _ = try inputs.backend.transport(x, by: map, into: output) }
                },
                benchmark("add", "a and b [\(rows), \(channels)]", bytes: 3 * activation, operations: rows * channels) { inputs in
                    let (a, b) = (try inputs.floats([rows, channels]), try inputs.floats([rows, channels]))
                    let output = try inputs.output([rows, channels])
                    return { _ = try inputs.backend.add(a, b, into: output) }
                },
                benchmark(
                    "gatedProduct", "gate and up [\(rows), \(wide)], silu", bytes: 3 * wideActivation, operations: 5 * rows * wide
                ) { inputs in
                    let (gate, up) = (try inputs.floats([rows, wide]), try inputs.floats([rows, wide]))
                    let output = try inputs.output([rows, wide])
                    return { _ = try inputs.backend.gatedProduct(gate: gate, up: up, activation: .silu, into: output) }
                },
                benchmark(
                    "rope", "x [\(rows), \(model.heads), \(model.headChannels)]",
                    bytes: 2 * rows * model.heads * model.headChannels * floatBytes,
                    operations: 3 * rows * model.heads * model.headChannels
                ) { inputs in
                    let shape: Shape = [rows, model.heads, model.headChannels]
                    let (x, output) = (try inputs.floats(shape), try inputs.output(shape))
                    let positions = try inputs.integers((0..<rows).map { Int32($0) })
                    return {
                        _ = try inputs.backend.rope(
                            x, positions: positions, dimensions: model.headChannels, base: 500_000, layout: .rotateHalf, into: output)
                    }
                },
                benchmark(
                    "scatterRows", "rows \(keyShape) into 4096", bytes: 2 * keyShape.count * floatBytes, operations: 0
                ) { inputs in
                    let rowsToWrite = try inputs.floats(keyShape)
                    let cache = try inputs.output([4096, model.keyHeads, model.headChannels])
                    let indices = try inputs.integers((0..<rows).map { Int32(4095 - $0) })
                    return { try inputs.backend.scatterRows(rowsToWrite, into: cache, at: indices) }
                },
                benchmark(
                    "embedding", "\(rows) indices, table [\(model.vocabulary), \(channels)] q8_0",
                    bytes: rows * DType.q8_0.byteCount(elements: channels)! + activation, operations: rows * channels
                ) { inputs in
                    let table = try inputs.weight(model.vocabulary, channels, .q8_0)
                    let indices = try inputs.integers((0..<rows).map { Int32($0 * 7919 % model.vocabulary) })
                    let output = try inputs.output([rows, channels])
                    return { _ = try inputs.backend.embedding(indices, table: table, into: output) }
                },
            ]
        }
    }

    /// The choice of a token.
    private static func selections(_ model: ModelClass) -> [KernelBenchmark] {
        [1, 8].flatMap { rows in
            let bytes = rows * model.vocabulary * floatBytes
            return [
                KernelBenchmark(
                    operation: "argmax", model: model, shapes: "x [\(rows), \(model.vocabulary)]", bytes: bytes,
                    operations: rows * model.vocabulary
                ) { inputs in
                    let (x, output) = (try inputs.floats([rows, model.vocabulary]), try inputs.output([rows], .i32))
                    return { _ = try inputs.backend.argmax(x, into: output) }
                },
                KernelBenchmark(
                    operation: "topK", model: model, shapes: "x [\(rows), \(model.vocabulary)], count 64", bytes: bytes,
                    operations: rows * model.vocabulary
                ) { inputs in
                    let x = try inputs.floats([rows, model.vocabulary])
                    return { _ = try inputs.backend.topK(x, count: 64) }
                },
            ]
        }
    }

    /// Pooling of a calibration batch, and the fit of 512 samples a side.
    private static func captures(_ model: ModelClass) -> [KernelBenchmark] {
        let (channels, sequences, tokens, samples) = (model.channels, 16, 64, 512)
        let sampleBytes = samples * channels * floatBytes
        let comparisons = samples * channels * (Int.bitWidth - samples.leadingZeroBitCount - 1)
        return [
            KernelBenchmark(
                operation: "pool", model: model, shapes: "x [\(sequences * tokens), \(channels)], mean of \(tokens)",
                bytes: (sequences * tokens + sequences) * channels * floatBytes, operations: sequences * tokens * channels
            ) { inputs in
                let (x, output) = (try inputs.floats([sequences * tokens, channels]), try inputs.output([sequences, channels]))
                let starts = try inputs.integers((0..<sequences).map { Int32($0 * tokens) })
                let counts = try inputs.integers([Int32](repeating: Int32(tokens), count: sequences))
                return {
                    _ = try inputs.backend.pool(x, starts: starts, counts: counts, maximumCount: tokens, pooling: .mean, into: output)
                }
            },
            KernelBenchmark(
                operation: "sortColumns", model: model, shapes: "x [\(samples), \(channels)]", bytes: 2 * sampleBytes,
                operations: comparisons
            ) { inputs in
                let (x, output) = (try inputs.floats([samples, channels]), try inputs.output([samples, channels]))
                return { _ = try inputs.backend.sortColumns(x, into: output) }
            },
            KernelBenchmark(
                operation: "fitColumns", model: model, shapes: "source and target [\(samples), \(channels)], linear",
                bytes: 2 * sampleBytes + 6 * channels * floatBytes, operations: 10 * samples * channels
            ) { inputs in
                let (source, target) = (try inputs.sorted(samples, channels), try inputs.sorted(samples, channels))
                let output = try inputs.output([6, channels])
                return { _ = try inputs.backend.fitColumns(source: source, target: target, method: .linear, into: output) }
            },
            KernelBenchmark(
                operation: "quantileColumns", model: model, shapes: "x [\(samples), \(channels)], 2 levels",
                bytes: 6 * channels * floatBytes, operations: 6 * channels
            ) { inputs in
                let (x, output) = (try inputs.sorted(samples, channels), try inputs.output([2, channels]))
                return { _ = try inputs.backend.quantileColumns(x, levels: [0.005, 0.995], into: output) }
            },
        ]
    }
}
