/// A validated ``Backend/embedding(_:table:as:into:)``, or the decoding of a whole table.
public struct EmbeddingOperation {
    /// `[n]` i32; nil for every row in order.
    public let indices: Tensor?
    /// `[V, C]`, any weight type.
    public let table: Tensor
    /// `[n, C]` f32 or f16.
    public let output: Tensor

    /// The rows of the output.
    public var rows: Int { output.shape[0] }
}

/// A validated ``Backend/scatterRows(_:into:at:)``.
public struct ScatterRowsOperation {
    /// `[n, …]` f32 or f16.
    public let rows: Tensor
    /// `[m, …]` f32 or f16 with the same number of elements a row.
    public let destination: Tensor
    /// `[n]` i32, distinct, each in 0 ..< m.
    public let indices: Tensor

    /// The elements of one row.
    public var channels: Int { rows.shape.dimensions.dropFirst().reduce(1, *) }
}

/// A validated ``Backend/storeKeys(_:values:into:_:segments:)``.
public struct StoreKeysOperation {
    /// `[rows, …]` f32 or f16, packed by ``segments``.
    public let keys: Tensor
    /// As the keys.
    public let values: Tensor
    /// `[blocks, block size, …]` f32 or f16 with the same number of elements a row.
    public let keyCache: Tensor
    /// As the keys' cache.
    public let valueCache: Tensor
    public let segments: Segments

    /// The elements of one row.
    public var channels: Int { keys.shape.dimensions.dropFirst().reduce(1, *) }
}

extension Backend {
    /// Row `indices[i]` of a table, decoded, for every i: a token embedding.
    ///
    /// - Parameters:
    ///   - indices: `[n]` i32, each in 0 ..< V. An index outside gives a row of zeros.
    ///   - table: `[V, C]`, any weight type.
    ///   - dtype: f32 or f16, the type of the result; decoded values are rounded to it.
    /// - Returns: `[n, C]`.
    public func embedding(_ indices: Tensor, table: Tensor, as dtype: DType = .f32, into output: Tensor? = nil) throws -> Tensor {
        try embedding(indices, table: table, as: dtype, into: output, "embedding")
    }

    /// Row `indices[i]` of an activation for every i.
    ///
    /// - Parameters:
    ///   - x: `[m, …]` f32 or f16.
    ///   - indices: `[n]` i32, each in 0 ..< m. An index outside gives a row of zeros.
    /// - Returns: `[n, …]`, of x's type.
    public func gatherRows(_ x: Tensor, at indices: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "gatherRows"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank >= 1, name, "x has no rows")
        try Validation.require(indices.shape.rank == 1, name, "indices have shape \(indices.shape), expected [n]")
        let row = Array(x.shape.dimensions.dropFirst())
        let shape = Shape([indices.shape[0]] + row)
        let result = try Validation.output(output, shape, x.dtype, self, name, reading: [.apart(x, "x"), .apart(indices, "the indices")])
        let channels = row.reduce(1, *)
        _ = try embedding(
            indices, table: x.reshaped([x.shape[0], channels]), as: x.dtype, into: result.reshaped([indices.shape[0], channels]), name)
        return result
    }

    private func embedding(
        _ indices: Tensor, table: Tensor, as dtype: DType, into output: Tensor?, _ name: String
    ) throws -> Tensor {
        try Validation.requireType(indices, .i32, "the indices", name)
        guard table.dtype.isWeight else {
            throw TensorError.unsupportedType(operation: name, detail: "the table is \(table.dtype)")
        }
        try Validation.require(
            indices.shape.rank == 1 && table.shape.rank == 2, name,
            "indices \(indices.shape) and table \(table.shape), expected [n] and [rows, channels]")
        let shape: Shape = [indices.shape[0], table.shape[1]]
        try Validation.requireActivation(dtype, name)
        let result = try Validation.output(
            output, shape, dtype, self, name, reading: [.apart(indices, "the indices"), .apart(table, "the table")])
        if shape.count == 0 { return result }
        try embedding(EmbeddingOperation(indices: indices, table: table, output: result))
        return result
    }

    /// A quantised tensor, decoded.
    func decode(_ x: Tensor, as dtype: DType, into output: Tensor?, _ name: String) throws -> Tensor {
        try Validation.requireActivation(dtype, name)
        let result = try Validation.output(output, x.shape, dtype, self, name, reading: [.apart(x, "x")])
        if x.shape.count == 0 { return result }
        let shape: Shape = [x.shape.rows, x.shape.channels]
        try embedding(EmbeddingOperation(indices: nil, table: x.reshaped(shape), output: result.reshaped(shape)))
        return result
    }

    /// Puts the keys and values of packed sequences where ``attention(_:keys:values:segments:scale:causal:window:softCap:bias:into:)`` looks for
    /// them: row i of a sequence with n rows is its key `keyLengths[s] − n + i`.
    ///
    /// Rows of no sequence, before the first key or beyond the last, and of a block that is not there are left out. No two rows have the
    /// same place.
    ///
    /// - Parameters:
    ///   - keys: `[rows, …]` f32 or f16.
    ///   - values: The same shape and type as the keys.
    ///   - keyCache: `[blocks, block size, …]` f32 or f16, rows of the same number of elements. Where the types differ, values are rounded to
    ///     the cache's; otherwise every bit is kept.
    ///   - valueCache: The same shape and type as the keys' cache.
    public func storeKeys(
        _ keys: Tensor, values: Tensor, into keyCache: Tensor, _ valueCache: Tensor, segments: Segments
    ) throws {
        try Validation.storeKeys(keys, values: values, into: keyCache, valueCache, segments: segments, "storeKeys")
        if keys.shape.count == 0 || segments.count == 0 { return }
        try storeKeys(
            StoreKeysOperation(keys: keys, values: values, keyCache: keyCache, valueCache: valueCache, segments: segments))
    }

    /// Copies row i of `rows` over row `indices[i]` of `destination`.
    ///
    /// - Parameters:
    ///   - rows: `[n, …]` f32 or f16.
    ///   - destination: `[m, …]` f32 or f16, rows of the same number of elements. Where the types differ, values are rounded to the
    ///     destination's; otherwise every bit is kept.
    ///   - indices: `[n]` i32, distinct; an index outside 0 ..< m is left out.
    public func scatterRows(_ rows: Tensor, into destination: Tensor, at indices: Tensor) throws {
        let name = "scatterRows"
        try Validation.requireActivation(rows, "the rows", name)
        try Validation.requireActivation(destination, "the destination", name)
        try Validation.requireType(indices, .i32, "the indices", name)
        try Validation.require(
            rows.shape.rank >= 1 && indices.shape == [rows.shape[0]], name, "rows \(rows.shape) do not match indices \(indices.shape)")
        let operation = ScatterRowsOperation(rows: rows, destination: destination, indices: indices)
        try Validation.require(
            destination.shape.rank >= 1 && destination.shape.dimensions.dropFirst().reduce(1, *) == operation.channels, name,
            "rows \(rows.shape) do not match destination \(destination.shape)")
        try Validation.requireNoAlias(destination, [.apart(rows, "the rows"), .apart(indices, "the indices")], name)
        if rows.shape.count == 0 { return }
        try scatterRows(operation)
    }
}

extension Validation {
    /// Checks the operands of ``Backend/storeKeys(_:values:into:_:segments:)``.
    static func storeKeys(
        _ keys: Tensor, values: Tensor, into keyCache: Tensor, _ valueCache: Tensor, segments: Segments, _ operation: String
    ) throws {
        try requireActivation(keys, "the keys", operation)
        try requireActivation(keyCache, "the keys' cache", operation)
        try requireType(values, keys.dtype, "the values", operation)
        try requireType(valueCache, keyCache.dtype, "the values' cache", operation)
        try require(
            keys.shape.rank >= 1 && keys.shape == values.shape, operation,
            "keys \(keys.shape) and values \(values.shape), expected the same")
        try Validation.segments(segments, operation)
        let channels = keys.shape.dimensions.dropFirst().reduce(1, *)
        try require(
            keyCache.shape.rank >= 2 && keyCache.shape == valueCache.shape
                && keyCache.shape.dimensions.dropFirst(2).reduce(1, *) == channels, operation,
            "keys \(keys.shape) and caches \(keyCache.shape) and \(valueCache.shape), expected twice [blocks, block size, …] with rows of "
                + "\(channels) elements")
        let read: [ReadOperand] = [
            .apart(keys, "the keys"), .apart(values, "the values"), .apart(segments.queryStarts, "the query starts"),
            .apart(segments.keyLengths, "the key lengths"), .apart(segments.blocks, "the blocks"),
        ]
        try requireNoAlias(keyCache, read + [.apart(valueCache, "the values' cache")], operation)
        try requireNoAlias(valueCache, read, operation)
    }
}
