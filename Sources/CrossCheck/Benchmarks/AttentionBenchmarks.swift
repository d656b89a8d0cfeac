import Tensors

extension CrossCheck {
    static let attentionBenchmarks: [KernelBenchmark] = DecoderSizes.all.flatMap(causalAttentions)

    /// One token after 2048 and a prompt of 512, both for one sequence and for several.
    private static func causalAttentions(_ sizes: DecoderSizes) -> [KernelBenchmark] {
        let batches = [
            (sequences: 1, queries: 1, keys: 2048), (sequences: 8, queries: 1, keys: 2048), (sequences: 1, queries: 512, keys: 512),
            (sequences: 4, queries: 128, keys: 128),
        ]
        return batches.map { sequences, queries, keys in
            let (heads, keyHeads, channels) = (sizes.heads, sizes.keyHeads, sizes.headChannels)
            let rows = sequences * queries
            // Query i of a sequence sees keys − queries + i + 1 keys.
            let visible = sequences * (queries * (keys - queries) + queries * (queries + 1) / 2)
            let elements = 2 * rows * heads * channels + 2 * sequences * keys * keyHeads * channels
            return KernelBenchmark(
                "attention", sizes.model,
                "\(sequences) sequences of \(queries) queries and \(keys) keys, \(heads) heads over \(keyHeads), \(channels) channels",
                sizes: [
                    "sequences": sequences, "queries": queries, "keys": keys, "heads": heads, "keyHeads": keyHeads,
                    "channels": channels, "causal": 1,
                ],
                types: ["query": .f32, "key": .f32, "value": .f32],
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
}
