/// A validated ``Backend/rotateAndStore(query:key:value:positions:dimensions:base:layout:frequencyFactors:into:_:segments:)``.
public struct RotateAndStoreOperation {
    /// `[rows, heads, D]` f32 or f16, turned in place.
    public let query: Tensor
    /// `[rows, key heads, D]` of the query's type; what it holds afterwards is undefined.
    public let key: Tensor
    /// As the keys.
    public let value: Tensor
    /// `[rows]` i32.
    public let positions: Tensor
    public let dimensions: Int
    public let base: Float
    public let layout: RopeLayout
    public let frequencyFactors: Tensor?
    /// `[blocks, block size, key heads, D]` f32 or f16.
    public let keyCache: Tensor
    /// As the keys' cache.
    public let valueCache: Tensor
    public let segments: Segments
}

extension Backend {
    /// What comes between the projections of an attention layer and its scores: ``rope(_:positions:dimensions:base:layout:frequencyFactors:as:into:)``
    /// of queries and keys, and ``storeKeys(_:values:into:_:segments:)``, in one dispatch where a device can.
    ///
    /// - Parameters:
    ///   - query: `[rows, heads, D]` f32 or f16, turned in place.
    ///   - key: `[rows, key heads, D]` of the query's type; what it holds afterwards is undefined.
    ///   - value: As the keys.
    ///   - keyCache: `[blocks, block size, key heads, D]` f32 or f16; what is of another type is rounded to it.
    ///   - valueCache: The same shape and type as the keys' cache.
    public func rotateAndStore(
        query: Tensor, key: Tensor, value: Tensor, positions: Tensor, dimensions: Int, base: Float, layout: RopeLayout,
        frequencyFactors: Tensor? = nil, into keyCache: Tensor, _ valueCache: Tensor, segments: Segments
    ) throws {
        let name = "rotateAndStore"
        for x in [query, key] {
            try Validation.rope(x, positions: positions, dimensions: dimensions, base: base, frequencyFactors: frequencyFactors, name)
        }
        try Validation.require(
            key.shape[2] == query.shape[2], name, "keys \(key.shape) and queries \(query.shape), expected heads of as many channels")
        try Validation.requireType(key, query.dtype, "the keys", name)
        try Validation.requireNoAlias(
            query,
            [
                .apart(key, "the keys"), .apart(value, "the values"), .apart(positions, "the positions"),
                .apart(frequencyFactors, "the frequency factors"),
            ], name)
        try Validation.storeKeys(key, values: value, into: keyCache, valueCache, segments: segments, name)
        if query.shape.count == 0 || segments.count == 0 { return }
        try rotateAndStore(
            RotateAndStoreOperation(
                query: query, key: key, value: value, positions: positions, dimensions: dimensions, base: base, layout: layout,
                frequencyFactors: frequencyFactors, keyCache: keyCache, valueCache: valueCache, segments: segments))
    }

    /// ``rotateAndStore(_:)`` by three operations.
    package func separateRotateAndStore(_ operation: RotateAndStoreOperation) throws {
        for x in [operation.query, operation.key] {
            try rope(
                RopeOperation(
                    x: x, positions: operation.positions, dimensions: operation.dimensions, base: operation.base, layout: operation.layout,
                    frequencyFactors: operation.frequencyFactors, output: x))
        }
        try storeKeys(
            StoreKeysOperation(
                keys: operation.key, values: operation.value, keyCache: operation.keyCache, valueCache: operation.valueCache,
                segments: operation.segments))
    }
}
