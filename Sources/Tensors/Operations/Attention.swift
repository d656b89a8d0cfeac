/// A validated ``Backend/attention(_:keys:values:segments:scale:causal:window:softCap:bias:as:into:)``.
public struct AttentionOperation {
    /// `[rows, H, D]` f32 or f16, packed by ``segments``.
    public let queries: Tensor
    /// `[blocks, block size, Hkv, D]` f32 or f16, whatever the queries are.
    public let keys: Tensor
    /// `[blocks, block size, Hkv, D]`, of the keys' type.
    public let values: Tensor
    public let segments: Segments
    public let scale: Float
    public let causal: Bool
    /// With a window w, a query at position p sees keys at positions > p − w.
    public let window: Int?
    /// With a cap c, a score s becomes c · tanh(s / c).
    public let softCap: Float?
    /// `[sequences or 1, H or 1, queries or 1, keys]` f32 or f16, added to the scores.
    public let bias: Tensor?
    /// `[rows, H, D]` f32 or f16; never aliases an input.
    public let output: Tensor

    public var heads: Int { queries.shape[1] }
    public var headChannels: Int { queries.shape[2] }
    public var keyHeads: Int { keys.shape[2] }
    /// The keys of one block.
    public var blockSize: Int { keys.shape[1] }
    /// The most keys of a sequence: those of all its blocks.
    public var keyCapacity: Int { blockSize * segments.blocks.shape[1] }
}

extension Backend {
    /// Scaled dot-product attention (Vaswani et al. 2017) over packed sequences and a key-value cache, with the online softmax
    /// (Milakov & Gimelshein 2018): the full score matrix is never in memory.
    ///
    /// The score of a query and a key is `cap(scale · q·k) + bias`, with `cap(s) = softCap · tanh(s / softCap)`. Scores, their softmax
    /// and the sum over the values are f32 or wider; the result is rounded once to its type.
    ///
    /// A query that sees no key, because there is none or because the bias of each is −∞, gives zeros. Rows that belong to no
    /// sequence are left as they are.
    ///
    /// - Parameters:
    ///   - queries: `[rows, H, D]` f32 or f16; sequences one after the other as `segments` says.
    ///   - keys: `[blocks, block size, Hkv, D]` f32 or f16, H a multiple of Hkv (grouped heads, Ainslie et al. 2023); where a sequence has one
    ///     block, `[slots, capacity, Hkv, D]`.
    ///   - values: The same shape and type as the keys.
    ///   - scale: The factor on each score; 1/√D when nil.
    ///   - causal: Whether query i of n sees only keys up to its own position, `key length − n + i`.
    ///   - window: The number of positions, its own included, that a query sees (sliding window); needs `causal`.
    ///   - softCap: c in c · tanh(score / c) (Gemma 2), after the scale.
    ///   - bias: `[sequences or 1, H or 1, queries or 1, keys]` f32 or f16: what is added to the score of query i of a sequence (counted
    ///     from its first row in `queries`) and key j. An axis of length 1 holds for all; the others reach at least to
    ///     `segments.maximumQueries` and `segments.maximumKeys`. Entries are finite, or −∞ for keys that are not seen. Relative position
    ///     buckets (T5) are `[1, H, queries, keys]`; linear biases (ALiBi) `[1, H, 1, keys]`, since what is added to all scores of a
    ///     query changes nothing; masks of padded prompts `[sequences, 1, 1, keys]`.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or that of the queries.
    /// - Returns: `[rows, H, D]`.
    public func attention(
        _ queries: Tensor, keys: Tensor, values: Tensor, segments: Segments, scale: Float? = nil, causal: Bool = false,
        window: Int? = nil, softCap: Float? = nil, bias: Tensor? = nil, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "attention"
        try Validation.requireActivation(queries, "the queries", name)
        try Validation.requireActivation(keys, "the keys", name)
        try Validation.requireType(values, keys.dtype, "the values", name)
        try Validation.require(queries.shape.rank == 3, name, "queries \(queries.shape), expected [rows, heads, channels]")
        try Validation.require(
            keys.shape.rank == 4 && keys.shape == values.shape, name,
            "keys \(keys.shape) and values \(values.shape), expected the same [blocks, block size, heads, channels]")
        try Validation.require(
            keys.shape[3] == queries.shape[2] && keys.shape[2] > 0 && queries.shape[1] % keys.shape[2] == 0, name,
            "queries \(queries.shape) do not match keys \(keys.shape), expected [rows, H, D] and [blocks, block size, Hkv, D] with H a multiple "
                + "of Hkv")
        try Validation.segments(segments, name)
        let scale = scale ?? 1 / Float(max(queries.shape[2], 1)).squareRoot()
        try Validation.requireOption(scale.isFinite, name, "the scale is \(scale)")
        if let window { try Validation.requireOption(causal && window > 0, name, "a window of \(window) needs causal and > 0") }
        if let softCap { try Validation.requireOption(softCap > 0 && softCap.isFinite, name, "the soft cap is \(softCap)") }
        if let bias {
            try Validation.requireActivation(bias, "the bias", name)
            try Validation.attentionBias(
                bias.shape, segments, heads: queries.shape[1], keyCapacity: keys.shape[1] * segments.blocks.shape[1], name)
        }
        let dtype = try Validation.resultType(dtype, output, usual: queries.dtype, name)
        let result = try Validation.output(
            output, queries.shape, dtype, self, name,
            reading: [
                .apart(queries, "the queries"), .apart(keys, "the keys"), .apart(values, "the values"), .apart(bias, "the bias"),
                .apart(segments.queryStarts, "the query starts"), .apart(segments.keyLengths, "the key lengths"),
                .apart(segments.blocks, "the blocks"),
            ])
        if queries.shape.count == 0 || segments.count == 0 { return result }
        try attention(
            AttentionOperation(
                queries: queries, keys: keys, values: values, segments: segments, scale: scale, causal: causal, window: window,
                softCap: softCap, bias: bias, output: result))
        return result
    }
}

extension Validation {
    static func segments(_ segments: Segments, _ operation: String) throws {
        for (tensor, what) in [
            (segments.queryStarts, "query starts"), (segments.keyLengths, "key lengths"), (segments.blocks, "blocks"),
        ] {
            try requireType(tensor, .i32, what, operation)
        }
        let count = segments.count
        try require(
            segments.queryStarts.shape == [count + 1] && segments.keyLengths.shape == [count]
                && segments.blocks.shape.rank == 2 && segments.blocks.shape[0] == count && segments.blocks.shape[1] > 0,
            operation,
            "segments with query starts \(segments.queryStarts.shape), key lengths \(segments.keyLengths.shape) and blocks "
                + "\(segments.blocks.shape), expected [n + 1], [n] and [n, blocks]")
    }

    fileprivate static func attentionBias(
        _ shape: Shape, _ segments: Segments, heads: Int, keyCapacity: Int, _ operation: String
    ) throws {
        let keys = min(segments.maximumKeys, keyCapacity)
        try require(
            shape.rank == 4 && [1, segments.count].contains(shape[0]) && [1, heads].contains(shape[1])
                && (shape[2] == 1 || shape[2] >= segments.maximumQueries) && shape[3] >= max(keys, 1), operation,
            "bias \(shape), expected [\(segments.count) or 1, \(heads) or 1, at least \(segments.maximumQueries) or 1, at least "
                + "\(max(keys, 1))]")
    }
}
