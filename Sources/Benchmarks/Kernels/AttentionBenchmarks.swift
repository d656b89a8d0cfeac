import Tensors

extension KernelBenchmark {
    static let attentionBenchmarks: [KernelBenchmark] =
        DecoderSizes.all.flatMap(causalAttentions)
        + AttentionSizes.images.flatMap { sizes in
            [DType.f32, .f16].map { attention(sizes, queries: $0, keys: $0) }
        }

    /// One token after a context, a prompt of 512, for one sequence and for several, with caches in both types; for the large model
    /// long contexts, too.
    private static func causalAttentions(_ sizes: DecoderSizes) -> [KernelBenchmark] {
        var batches = [(1, 1, 2048), (8, 1, 2048), (1, 512, 512), (4, 128, 128)]
        if sizes.model == .language8B { batches += [(1, 1, 8192), (1, 1, 32_768), (1, 2048, 2048)] }
        let types: [(DType, DType)] = [(.f32, .f32), (.f32, .f16), (.f16, .f16)]
        return batches.flatMap { sequences, queries, keys in
            types.map { queryType, keyType in
                attention(
                    AttentionSizes(
                        model: sizes.model, sequences: sequences, queries: queries, keys: keys, heads: sizes.heads,
                        keyHeads: sizes.keyHeads, channels: sizes.headChannels, causal: true), queries: queryType, keys: keyType
                ).ofDecode(queries == 1)
            }
        }
    }

    private static func attention(_ sizes: AttentionSizes, queries queryType: DType, keys keyType: DType) -> KernelBenchmark {
        let types = queryType == keyType ? "\(queryType)" : "\(queryType) over \(keyType)"
        return KernelBenchmark(
            "attention", sizes.model, "\(sizes), \(types)",
            sizes: [
                "sequences": sizes.sequences, "queries": sizes.queries, "keys": sizes.keys, "heads": sizes.heads,
                "keyHeads": sizes.keyHeads, "channels": sizes.channels, "causal": sizes.causal ? 1 : 0,
            ],
            types: ["query": queryType, "key": keyType, "value": keyType],
            bytes: sizes.queryElements * 2 * queryType.blockBytes + sizes.keyElements * 2 * keyType.blockBytes,
            operations: 4 * sizes.visible * sizes.heads * sizes.channels
        ) { inputs in
            let cache: Shape = [sizes.sequences, sizes.keys, sizes.keyHeads, sizes.channels]
            let packed: Shape = [sizes.sequences * sizes.queries, sizes.heads, sizes.channels]
            let query = try inputs.floats(packed, queryType)
            let (key, value) = (try inputs.floats(cache, keyType), try inputs.floats(cache, keyType))
            let segments = try Segments(batch: sizes.sequences, queries: sizes.queries, keys: sizes.keys, on: inputs.backend)
            let output = try inputs.output(packed, queryType)
            return {
                _ = try inputs.backend.attention(
                    query, keys: key, values: value, segments: segments, scale: 0.125, causal: sizes.causal, into: output)
            }
        }
    }
}

/// The extents of one attention.
private struct AttentionSizes: CustomStringConvertible {
    let model: ModelClass
    let sequences, queries, keys, heads, keyHeads, channels: Int
    let causal: Bool

    /// Self-attention of pixels at the resolutions of each model, and cross attention with the 77 tokens of a prompt.
    static let images: [AttentionSizes] = [
        (.stableDiffusion15, 4096, 4096, 8, 40), (.stableDiffusion15, 1024, 1024, 8, 80), (.stableDiffusion15, 256, 256, 8, 160),
        (.stableDiffusion15, 4096, 77, 8, 40), (.stableDiffusionXL, 4096, 4096, 10, 64), (.stableDiffusionXL, 1024, 1024, 20, 64),
        (.stableDiffusionXL, 4096, 77, 10, 64), (.flux, 4608, 4608, 24, 128),
    ].map { (model: ModelClass, queries: Int, keys: Int, heads: Int, channels: Int) in
        AttentionSizes(
            model: model, sequences: 1, queries: queries, keys: keys, heads: heads, keyHeads: heads, channels: channels, causal: false)
    }

    var queryElements: Int { sequences * queries * heads * channels }
    var keyElements: Int { sequences * keys * keyHeads * channels }

    /// The pairs of a query and a key that it sees: under a causal mask query i sees keys − queries + i + 1 keys.
    var visible: Int {
        sequences * (causal ? queries * (keys - queries) + queries * (queries + 1) / 2 : queries * keys)
    }

    var description: String {
        "\(sequences) sequences of \(queries) queries and \(keys) keys, \(heads) heads over \(keyHeads), \(channels) channels"
            + (causal ? ", causal" : "")
    }
}
