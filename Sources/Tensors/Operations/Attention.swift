/// A validated ``Backend/attention(_:keys:values:segments:scale:causal:window:softCap:into:)``.
public struct AttentionOperation {
    /// `[rows, H, D]` f32, packed by ``segments``.
    public let queries: Tensor
    /// `[slots, Tk, Hkv, D]` f32.
    public let keys: Tensor
    /// `[slots, Tk, Hkv, D]` f32.
    public let values: Tensor
    public let segments: Segments
    public let scale: Float
    public let causal: Bool
    /// With a window w, a query at position p sees keys at positions > p − w.
    public let window: Int?
    /// With a cap c, a score s becomes c · tanh(s / c).
    public let softCap: Float?
    /// `[rows, H, D]` f32; never aliases an input.
    public let output: Tensor

    public var heads: Int { queries.shape[1] }
    public var headChannels: Int { queries.shape[2] }
    public var keyHeads: Int { keys.shape[2] }
    /// The rows of one slot of the keys: the capacity of the cache.
    public var keyCapacity: Int { keys.shape[1] }
}

extension Backend {
    /// Scaled dot-product attention (Vaswani et al. 2017) over packed sequences and a key-value cache, with the online softmax
    /// (Milakov & Gimelshein 2018): the full score matrix is never in memory.
    ///
    /// A query that sees no key gives zeros. Rows that belong to no sequence are left as they are.
    ///
    /// - Parameters:
    ///   - queries: `[rows, H, D]` f32; sequences one after the other as `segments` says.
    ///   - keys: `[slots, Tk, Hkv, D]` f32, H a multiple of Hkv (grouped heads, Ainslie et al. 2023).
    ///   - values: The same shape as the keys.
    ///   - scale: The factor on each score, usually 1/√D.
    ///   - causal: Whether a query sees only keys up to its own position.
    ///   - window: The number of positions, its own included, that a query sees (sliding window); needs `causal`.
    ///   - softCap: c in c · tanh(score / c) (Gemma 2), after the scale.
    /// - Returns: `[rows, H, D]` f32.
    public func attention(
        _ queries: Tensor, keys: Tensor, values: Tensor, segments: Segments, scale: Float, causal: Bool = true,
        window: Int? = nil, softCap: Float? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "attention"
        for (tensor, what) in [(queries, "the queries"), (keys, "the keys"), (values, "the values")] {
            try Validation.requireType(tensor, .f32, what, name)
        }
        try Validation.require(queries.shape.rank == 3, name, "queries \(queries.shape), expected [rows, heads, channels]")
        try Validation.require(
            keys.shape.rank == 4 && keys.shape == values.shape, name,
            "keys \(keys.shape) and values \(values.shape), expected the same [slots, tokens, heads, channels]")
        try Validation.require(
            keys.shape[3] == queries.shape[2] && keys.shape[2] > 0 && queries.shape[1] % keys.shape[2] == 0, name,
            "queries \(queries.shape) do not match keys \(keys.shape)")
        for (tensor, what) in [
            (segments.queryStarts, "query starts"), (segments.keyLengths, "key lengths"), (segments.slots, "slots"),
        ] {
            try Validation.requireType(tensor, .i32, what, name)
        }
        let count = segments.count
        try Validation.require(
            segments.queryStarts.shape == [count + 1] && segments.keyLengths.shape == [count] && segments.slots.shape == [count],
            name,
            "segments with query starts \(segments.queryStarts.shape), key lengths \(segments.keyLengths.shape) and slots "
                + "\(segments.slots.shape), expected [n + 1], [n] and [n]")
        try Validation.requireOption(scale.isFinite, name, "the scale is \(scale)")
        if let window { try Validation.requireOption(causal && window > 0, name, "a window of \(window) needs causal and > 0") }
        if let softCap { try Validation.requireOption(softCap > 0 && softCap.isFinite, name, "the soft cap is \(softCap)") }
        let result = try Validation.output(output, queries.shape, .f32, self, name)
        if queries.shape.count == 0 || count == 0 { return result }
        try attention(
            AttentionOperation(
                queries: queries, keys: keys, values: values, segments: segments, scale: scale, causal: causal, window: window,
                softCap: softCap, output: result))
        return result
    }
}
