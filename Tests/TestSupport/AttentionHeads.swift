import Tensors

/// What an attention of a text is like.
package struct AttentionHeads: Sendable, CustomStringConvertible {
    /// The heads of keys, and the query heads of each.
    package var keyHeads, group: Int
    package var channels: Int
    package var window: Int?
    package var softCap: Float?
    package var cache: DType
    /// The keys of a block of the cache; nil where all keys of a text lie in one.
    package var blockSize: Int?

    package init(
        _ keyHeads: Int, _ group: Int, of channels: Int, window: Int? = nil, softCap: Float? = nil, cache: DType = .f32,
        blockSize: Int? = nil
    ) {
        (self.keyHeads, self.group, self.channels, self.window) = (keyHeads, group, channels, window)
        (self.softCap, self.cache, self.blockSize) = (softCap, cache, blockSize)
    }

    package var description: String {
        "\(keyHeads) × \(group) heads of \(channels), window \(window ?? 0), \(cache), blocks of \(blockSize ?? 0)"
    }
}
