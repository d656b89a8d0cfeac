/// How the rows of a packed batch belong to sequences: sequences of different lengths lie one after the other, without padding.
///
/// Sequence `s` owns query rows `queryStarts[s] ..< queryStarts[s + 1]`, and reads the first `keyLengths[s]` keys of row
/// `slots[s]` of the key and value tensors. Under a causal mask its query `i` stands at position
/// `keyLengths[s] − queryCount + i`. Lengths are read from device memory, so that a recorded step can be replayed.
public struct Segments {
    /// `[sequences + 1]` i32, ascending, from 0 to the number of query rows.
    public let queryStarts: Tensor
    /// `[sequences]` i32: the number of valid keys of each sequence.
    public let keyLengths: Tensor
    /// `[sequences]` i32: the row of the key and value tensors that each sequence reads.
    public let slots: Tensor
    /// At least the largest number of queries of any sequence; decides how much work is launched.
    public let maximumQueries: Int
    /// At least the largest of `keyLengths`; decides how keys are split among workgroups.
    public let maximumKeys: Int

    public init(queryStarts: Tensor, keyLengths: Tensor, slots: Tensor, maximumQueries: Int, maximumKeys: Int) {
        self.queryStarts = queryStarts
        self.keyLengths = keyLengths
        self.slots = slots
        self.maximumQueries = maximumQueries
        self.maximumKeys = maximumKeys
    }

    /// The number of sequences.
    public var count: Int { keyLengths.shape.count }
}
