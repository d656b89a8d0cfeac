extension Backend {
    /// Scaled dot-product attention of a batch of equally long sequences, without a cache: for image models and encoders.
    ///
    /// This is ``attention(_:keys:values:segments:scale:causal:window:softCap:bias:as:into:)`` with a sequence for each row of the batch;
    /// nothing is copied. A model that calls it in every layer makes its segments once, by ``Segments/init(batch:queries:keys:on:)``, and
    /// calls that.
    ///
    /// - Parameters:
    ///   - queries: `[B, Tq, H, D]` f32 or f16.
    ///   - keys: `[B, Tk, Hkv, D]` f32 or f16, H a multiple of Hkv. Tk = Tq for self-attention, the length of the prompt for cross
    ///     attention.
    ///   - values: The same shape and type as the keys.
    ///   - keyLengths: The valid keys of each row of the batch, each in 0 … Tk; all of them when nil.
    ///   - scale: The factor on each score; 1/√D when nil.
    ///   - causal: Whether query i sees only keys up to position `key length − Tq + i`.
    ///   - window: The number of positions, its own included, that a query sees; needs `causal`.
    ///   - softCap: c in c · tanh(score / c), after the scale.
    ///   - bias: `[B or 1, H or 1, Tq or 1, Tk]` f32 or f16, added to the scores; −∞ for keys that are not seen.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or that of the queries.
    /// - Returns: `[B, Tq, H, D]`. A query that sees no key gives zeros.
    public func attention(
        _ queries: Tensor, keys: Tensor, values: Tensor, keyLengths: [Int]? = nil, scale: Float? = nil, causal: Bool = false,
        window: Int? = nil, softCap: Float? = nil, bias: Tensor? = nil, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "attention"
        try Validation.require(
            queries.shape.rank == 4 && keys.shape.rank == 4 && queries.shape[0] == keys.shape[0], name,
            "queries \(queries.shape) and keys \(keys.shape), expected [batch, tokens, heads, channels] with the same batch")
        let (batch, queryCount, keyCount) = (queries.shape[0], queries.shape[1], keys.shape[1])
        try Validation.require(
            keyLengths.map { $0.count == batch && $0.allSatisfy((0...keyCount).contains) } ?? true, name,
            "key lengths \(keyLengths ?? []), expected \(batch) of 0 … \(keyCount)")
        if let output {
            try Validation.require(
                output.shape == queries.shape, name, "the output has shape \(output.shape), the result is \(queries.shape)")
        }
        let packed: Shape = [batch * queryCount, queries.shape[2], queries.shape[3]]
        let segments = try Segments(batch: batch, queries: queryCount, keys: keyCount, keyLengths: keyLengths, on: self)
        return try attention(
            queries.reshaped(packed), keys: keys, values: values, segments: segments,
            scale: scale, causal: causal, window: window, softCap: softCap, bias: bias, as: dtype, into: output?.reshaped(packed)
        ).reshaped(queries.shape)
    }
}

extension Segments {
    /// A batch of equally long sequences: row b of `[batch, queries, …]` reads row b of `[batch, keys, …]`.
    /// - Parameter keyLengths: The valid keys of each row; all of them when nil.
    public init(batch: Int, queries: Int, keys: Int, keyLengths: [Int]? = nil, on backend: any Backend) throws {
        let starts = (0...batch).map { Int32($0 * queries) }
        let lengths = keyLengths.map { $0.map(Int32.init) } ?? [Int32](repeating: Int32(keys), count: batch)
        // One upload for the three of them.
        let all = try backend.upload(starts + lengths + (0..<batch).map(Int32.init))
        try self.init(
            queryStarts: all.rows(0..<batch + 1), keyLengths: all.rows(batch + 1..<2 * batch + 1),
            slots: all.rows(2 * batch + 1..<3 * batch + 1), maximumQueries: queries, maximumKeys: Int(lengths.max() ?? 0))
    }
}
