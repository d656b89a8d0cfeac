/// A validated ``Backend/embedding(_:table:into:)``.
public struct EmbeddingOperation {
    /// `[n]` i32.
    public let indices: Tensor
    /// `[V, C]`, any weight type.
    public let table: Tensor
    /// `[n, C]` f32.
    public let output: Tensor
}

/// A validated ``Backend/scatterRows(_:into:at:)``.
public struct ScatterRowsOperation {
    /// `[n, …]` f32.
    public let rows: Tensor
    /// `[m, …]` f32 with the same number of elements a row.
    public let destination: Tensor
    /// `[n]` i32, distinct, each in 0 ..< m.
    public let indices: Tensor

    /// The elements of one row.
    public var channels: Int { rows.shape.dimensions.dropFirst().reduce(1, *) }
}

extension Backend {
    /// Row `indices[i]` of a table, decoded to f32, for every i: a token embedding, or a gather of rows.
    ///
    /// - Parameters:
    ///   - indices: `[n]` i32, each in 0 ..< V. An index outside gives a row of zeros.
    ///   - table: `[V, C]`, any weight type.
    /// - Returns: `[n, C]` f32.
    public func embedding(_ indices: Tensor, table: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "embedding"
        try Validation.requireType(indices, .i32, "the indices", name)
        guard table.dtype.isWeight else {
            throw TensorError.unsupportedType(operation: name, detail: "the table is \(table.dtype)")
        }
        try Validation.require(
            indices.shape.rank == 1 && table.shape.rank == 2, name,
            "indices \(indices.shape) and table \(table.shape), expected [n] and [rows, channels]")
        let shape: Shape = [indices.shape[0], table.shape[1]]
        let result = try Validation.output(output, shape, .f32, self, name)
        if shape.count == 0 { return result }
        try embedding(EmbeddingOperation(indices: indices, table: table, output: result))
        return result
    }

    /// Copies row i of `rows` over row `indices[i]` of `destination`: the way keys and values enter a cache.
    ///
    /// - Parameters:
    ///   - rows: `[n, …]` f32.
    ///   - destination: `[m, …]` f32, rows of the same number of elements.
    ///   - indices: `[n]` i32, distinct; an index outside 0 ..< m is left out.
    public func scatterRows(_ rows: Tensor, into destination: Tensor, at indices: Tensor) throws {
        let name = "scatterRows"
        try Validation.requireType(rows, .f32, "the rows", name)
        try Validation.requireType(destination, .f32, "the destination", name)
        try Validation.requireType(indices, .i32, "the indices", name)
        try Validation.require(
            rows.shape.rank >= 1 && indices.shape == [rows.shape[0]], name, "rows \(rows.shape) do not match indices \(indices.shape)")
        let operation = ScatterRowsOperation(rows: rows, destination: destination, indices: indices)
        try Validation.require(
            destination.shape.rank >= 1 && destination.shape.dimensions.dropFirst().reduce(1, *) == operation.channels, name,
            "rows \(rows.shape) do not match destination \(destination.shape)")
        if rows.shape.count == 0 { return }
        try scatterRows(operation)
    }
}
