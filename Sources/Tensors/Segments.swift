/// How the rows of a packed batch belong to sequences: sequences of different lengths lie one after the other, without padding.
///
/// Sequence `s` owns query rows `queryStarts[s] ..< queryStarts[s + 1]` and the first `keyLengths[s]` keys that its blocks hold. Keys and
/// values are `[blocks, block size, …]`: key `j` of a sequence is row `j % block size` of block `blocks[s, j / block size]` (Kwon et al.
/// 2023, "PagedAttention"). Sequences that begin alike may name the same blocks. With one block a sequence, its slot, the cache is
/// contiguous.
///
/// Under a causal mask query `i` of a sequence stands at position `keyLengths[s] − queryCount + i`. Lengths and blocks are read from
/// device memory, so that a recorded step can be replayed.
public struct Segments {
    /// `[sequences + 1]` i32, ascending, from 0 to the number of query rows.
    public let queryStarts: Tensor
    /// `[sequences]` i32: the number of valid keys of each sequence.
    public let keyLengths: Tensor
    /// `[sequences, n]` i32: the blocks of each sequence, in order; those beyond its keys are not looked at.
    public let blocks: Tensor
    /// At least the largest number of queries of any sequence; decides how much work is launched.
    public let maximumQueries: Int
    /// At least the largest of `keyLengths`; decides how keys are split among workgroups.
    public let maximumKeys: Int

    public init(queryStarts: Tensor, keyLengths: Tensor, blocks: Tensor, maximumQueries: Int, maximumKeys: Int) {
        self.queryStarts = queryStarts
        self.keyLengths = keyLengths
        self.blocks = blocks
        self.maximumQueries = maximumQueries
        self.maximumKeys = maximumKeys
    }

    /// Sequences of one block each.
    /// - Parameter slots: `[sequences]` i32: the row of the key and value tensors that each sequence reads.
    public init(queryStarts: Tensor, keyLengths: Tensor, slots: Tensor, maximumQueries: Int, maximumKeys: Int) {
        let blocks = Tensor(
            shape: Shape(slots.shape.dimensions + [1]), dtype: slots.dtype, storage: slots.storage, byteOffset: slots.byteOffset)
        self.init(
            queryStarts: queryStarts, keyLengths: keyLengths, blocks: blocks, maximumQueries: maximumQueries, maximumKeys: maximumKeys)
    }

    /// The number of sequences.
    public var count: Int { keyLengths.shape.count }
}
