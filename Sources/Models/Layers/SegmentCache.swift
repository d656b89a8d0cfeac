import Tensors

/// The segments of attention over batches of equally long sequences, made once for each size.
final class SegmentCache {
    private struct Key: Hashable { var batch, queries, keys: Int }
    private var known: [Key: Segments] = [:]

    /// - Parameters:
    ///   - queries: Of each sequence.
    ///   - keys: Of each sequence.
    func segments(batch: Int, queries: Int, keys: Int, on backend: any Backend) throws -> Segments {
        let key = Key(batch: batch, queries: queries, keys: keys)
        if let segments = known[key] { return segments }
        let segments = try Segments(batch: batch, queries: queries, keys: keys, on: backend)
        if !backend.isRehearsal { known[key] = segments }
        return segments
    }
}
