import Tensors

extension KernelBenchmark {
    static let rowBenchmarks: [KernelBenchmark] = DecoderSizes.all.flatMap { sizes in
        [1, 512].flatMap { rows in
            (norms(sizes, rows: rows) + elementwise(sizes, rows: rows) + movements(sizes, rows: rows)).map { $0.ofDecode(rows == 1) }
        }
    }

    /// Norms and maps: one read and one write a row.
    private static func norms(_ sizes: DecoderSizes, rows: Int) -> [KernelBenchmark] {
        let (model, channels) = (sizes.model, sizes.channels)
        let activation = rows * channels * floatBytes
        let mapBytes = min(rows, BenchmarkInputs.maps) * channels * 4 * floatBytes
        return [
            KernelBenchmark("rmsNorm", model, "x [\(rows), \(channels)]", bytes: 2 * activation, operations: 4 * rows * channels) {
                inputs in
                let (x, gain) = (try inputs.floats([rows, channels]), try inputs.floats([channels]))
                let output = try inputs.output([rows, channels])
                return { _ = try inputs.backend.rmsNorm(x, gain: gain, epsilon: 1e-5, into: output) }
            },
            KernelBenchmark(
                "rmsNorm", model, "x [\(rows), \(channels)], transport", bytes: 2 * activation + mapBytes,
                operations: 9 * rows * channels
            ) { inputs in
                let (x, gain) = (try inputs.floats([rows, channels]), try inputs.floats([channels]))
                let (map, output) = (try inputs.transport(rows, channels), try inputs.output([rows, channels]))
                return { _ = try inputs.backend.rmsNorm(x, gain: gain, epsilon: 1e-5, transports: [map], into: output) }
            },
            KernelBenchmark(
                "transport", model, "x [\(rows), \(channels)], \(BenchmarkInputs.maps) maps", bytes: 2 * activation + mapBytes,
                operations: 5 * rows * channels
            ) { inputs in
                let (x, map) = (try inputs.floats([rows, channels]), try inputs.transport(rows, channels))
                let output = try inputs.output([rows, channels])
                return { _ = try inputs.backend.transport(x, by: map, into: output) }
            },
            KernelBenchmark(
                "gatedTransport", model, "x [\(rows), \(channels)], \(BenchmarkInputs.maps) maps",
                bytes: 2 * activation + mapBytes + mapBytes / 4, operations: 7 * rows * channels
            ) { inputs in
                let (x, map) = (try inputs.floats([rows, channels]), try inputs.transport(rows, channels, isGated: true))
                let output = try inputs.output([rows, channels])
                return { _ = try inputs.backend.transport(x, by: map, into: output) }
            },
            // A weight and a shift for each neuron of each cluster, where a map has four numbers.
            KernelBenchmark(
                "clusterTransport", model, "x [\(rows), \(channels)], \(BenchmarkInputs.maps) maps of \(BenchmarkInputs.clusters) clusters",
                bytes: 2 * activation + mapBytes / 2 * BenchmarkInputs.clusters,
                operations: (4 * BenchmarkInputs.clusters + 1) * rows * channels
            ) { inputs in
                let (x, map) = (try inputs.floats([rows, channels]), try inputs.clusterTransport(rows, channels))
                let output = try inputs.output([rows, channels])
                return { _ = try inputs.backend.transport(x, by: map, into: output) }
            },
        ]
    }

    private static func elementwise(_ sizes: DecoderSizes, rows: Int) -> [KernelBenchmark] {
        let (model, channels, wide) = (sizes.model, sizes.channels, sizes.feedForward)
        let (heads, headChannels) = (sizes.heads, sizes.headChannels)
        return [
            KernelBenchmark(
                "add", model, "a and b [\(rows), \(channels)]", bytes: 3 * rows * channels * floatBytes, operations: rows * channels
            ) { inputs in
                let (a, b) = (try inputs.floats([rows, channels]), try inputs.floats([rows, channels]))
                let output = try inputs.output([rows, channels])
                return { _ = try inputs.backend.add(a, b, into: output) }
            },
            KernelBenchmark(
                "gatedProduct", model, "gate and up [\(rows), \(wide)], silu", bytes: 3 * rows * wide * floatBytes,
                operations: 5 * rows * wide
            ) { inputs in
                let (gate, up) = (try inputs.floats([rows, wide]), try inputs.floats([rows, wide]))
                let output = try inputs.output([rows, wide])
                return { _ = try inputs.backend.gatedProduct(gate: gate, up: up, activation: .silu, into: output) }
            },
            KernelBenchmark(
                "rope", model, "x [\(rows), \(heads), \(headChannels)]", bytes: 2 * rows * heads * headChannels * floatBytes,
                operations: 3 * rows * heads * headChannels
            ) { inputs in
                let shape: Shape = [rows, heads, headChannels]
                let (x, output) = (try inputs.floats(shape), try inputs.output(shape))
                let positions = try inputs.integers((0..<rows).map { Int32($0) })
                return {
                    _ = try inputs.backend.rope(
                        x, positions: positions, dimensions: headChannels, base: 500_000, layout: .rotateHalf, into: output)
                }
            },
        ]
    }

    /// As many sequences as rows, as when tokens are decoded; each has the next token of a block of its own.
    private static func nextTokens(_ rows: Int, _ inputs: BenchmarkInputs) throws -> Segments {
        Segments(
            queryStarts: try inputs.integers((0...Int32(rows)).map { $0 }),
            keyLengths: try inputs.integers((0..<Int32(rows)).map { $0 / 256 % 16 + 1 }),
            slots: try inputs.integers((0..<Int32(rows)).map { $0 % 256 }), maximumQueries: 1, maximumKeys: 16)
    }

    private static func movements(_ sizes: DecoderSizes, rows: Int) -> [KernelBenchmark] {
        let (model, channels, vocabulary) = (sizes.model, sizes.channels, sizes.vocabulary)
        let keyShape: Shape = [rows, sizes.keyHeads, sizes.headChannels]
        let cacheShape: Shape = [4096, sizes.keyHeads, sizes.headChannels]
        let tableBytes = DType.q8_0.byteCount(elements: vocabulary * channels)!
        let activation = rows * channels * floatBytes
        return [
            KernelBenchmark(
                "scatterRows", model, "rows \(keyShape) into \(cacheShape[0])", bytes: 2 * keyShape.count * floatBytes, operations: 0,
                memory: (keyShape.count + cacheShape.count) * floatBytes
            ) { inputs in
                let rowsToWrite = try inputs.floats(keyShape)
                let cache = try inputs.output(cacheShape)
                let indices = try inputs.integers((0..<rows).map { Int32(4095 - $0) })
                return { try inputs.backend.scatterRows(rowsToWrite, into: cache, at: indices) }
            },
            KernelBenchmark(
                "storeKeys", model, "rows \(keyShape) into [256, 16]", bytes: 4 * keyShape.count * floatBytes, operations: 0,
                memory: 2 * (keyShape.count + cacheShape.count) * floatBytes
            ) { inputs in
                let (keys, values) = (try inputs.floats(keyShape), try inputs.floats(keyShape))
                let paged: Shape = [256, 16, sizes.keyHeads, sizes.headChannels]
                let (keyCache, valueCache) = (try inputs.output(paged), try inputs.output(paged))
                let segments = try nextTokens(rows, inputs)
                return { try inputs.backend.storeKeys(keys, values: values, into: keyCache, valueCache, segments: segments) }
            },
            KernelBenchmark(
                "rotateAndStore", model, "\(sizes.heads) heads, keys \(keyShape) into [256, 16]",
                bytes: (2 * rows * sizes.heads * sizes.headChannels + 4 * keyShape.count) * floatBytes,
                operations: 3 * rows * (sizes.heads + sizes.keyHeads) * sizes.headChannels,
                memory: 2 * (keyShape.count + cacheShape.count) * floatBytes
            ) { inputs in
                let query = try inputs.output([rows, sizes.heads, sizes.headChannels])
                let (keys, values) = (try inputs.floats(keyShape), try inputs.floats(keyShape))
                let paged: Shape = [256, 16, sizes.keyHeads, sizes.headChannels]
                let (keyCache, valueCache) = (try inputs.output(paged), try inputs.output(paged))
                let positions = try inputs.integers((0..<rows).map { Int32($0) })
                let segments = try nextTokens(rows, inputs)
                return {
                    try inputs.backend.rotateAndStore(
                        query: query, key: keys, value: values, positions: positions, dimensions: sizes.headChannels, base: 500_000,
                        layout: .rotateHalf, into: keyCache, valueCache, segments: segments)
                }
            },
            KernelBenchmark(
                "embedding", model, "\(rows) indices, table [\(vocabulary), \(channels)] q8_0",
                bytes: rows * DType.q8_0.byteCount(elements: channels)! + activation, operations: rows * channels,
                memory: tableBytes + activation
            ) { inputs in
                let table = try inputs.weight(vocabulary, channels, .q8_0)
                let indices = try inputs.integers((0..<rows).map { Int32($0 * 7919 % vocabulary) })
                let output = try inputs.output([rows, channels])
                return { _ = try inputs.backend.embedding(indices, table: table, into: output) }
            },
        ]
    }
}
