/// The blocks of a key-value cache: which sequences hold them, and what those that are computed hold, so that texts with one beginning compute it once
/// (Kwon et al., "Efficient memory management for large language model serving with PagedAttention", SOSP 2023).
///
/// A block has ``size`` consecutive tokens, and what is in it follows from them, from all tokens before, and from what steered these tokens: a block is
/// known by the one before it, its tokens and their steering. So nothing that a map has moved is ever read without that map, nor the other way round.
/// Blocks that nobody holds stay until their place is needed, the one that was let go of first being the first to go.
package struct BlockPool {
    /// What acted on the tokens of a block: maps and strengths, in order.
    package struct Acting: Hashable {
        /// The map's, never given to another.
        var map: Int
        var strength: UInt32

        package init(map: Int, strength: Float) {
            self.map = map
            self.strength = strength.bitPattern
        }
    }

    private struct Key: Hashable {
        /// The identity of the block before, 0 at the beginning.
        var parent: Int
        var acting: [Acting]
        var tokens: [Int32]
    }

    private struct Known {
        var key: Key
        /// Tells blocks apart, those included whose place was taken by others.
        var identity: Int
    }

    /// Tokens of a block: few, so that little of a shared beginning is computed again.
    package static let size = 16

    /// The blocks that so many tokens fill.
    package static func count(_ tokens: Int) -> Int { (tokens + size - 1) / size }

    package let count: Int
    private var holders: [Int32]
    private var known: [Known?]
    private var byKey: [Key: Int32] = [:]
    /// Those that hold nothing.
    private var free: [Int32]
    /// Those that nobody holds and that are known, in the order in which they were let go of; a number that is not the block's last is out of date.
    private var idle: [(block: Int32, release: Int)] = []
    private var idleStart = 0
    private var lastRelease: [Int]
    private var releases = 0
    private var nextIdentity = 1
    /// Blocks that nobody holds.
    package private(set) var available: Int

    package init(count: Int) {
        self.count = count
        holders = [Int32](repeating: 0, count: count)
        known = [Known?](repeating: nil, count: count)
        lastRelease = [Int](repeating: -1, count: count)
        free = (0..<Int32(count)).reversed()
        available = count
    }

    /// The block that holds some tokens after another block, held from here on.
    /// - Parameter parent: The identity of the block before, 0 at the beginning.
    package mutating func find(_ tokens: [Int32], after parent: Int, acting: [Acting]) -> (block: Int32, identity: Int)? {
        guard let block = byKey[Key(parent: parent, acting: acting, tokens: tokens)] else { return nil }
        if holders[Int(block)] == 0 { available -= 1 }
        holders[Int(block)] += 1
        return (block, known[Int(block)]!.identity)
    }

    /// A block with nothing in it, held; nil when all are.
    package mutating func take() -> Int32? {
        if free.isEmpty, let block = oldestIdle() { forget(block) }
        guard let block = free.popLast() else { return nil }
        available -= 1
        holders[Int(block)] = 1
        return block
    }

    /// Makes known what a block holds, or will once what has been asked for is computed.
    /// - Returns: The block's identity, or that of another with the same in it, which stays the known one.
    package mutating func register(_ block: Int32, _ tokens: [Int32], after parent: Int, acting: [Acting]) -> Int {
        let key = Key(parent: parent, acting: acting, tokens: tokens)
        if let other = byKey[key] { return known[Int(other)]!.identity }
        byKey[key] = block
        known[Int(block)] = Known(key: key, identity: nextIdentity)
        nextIdentity += 1
        return nextIdentity - 1
    }

    /// Lets go of blocks of a sequence, given in its order: the last goes first, since without those before it nobody finds it.
    package mutating func release(_ blocks: some BidirectionalCollection<Int32>) {
        for block in blocks.reversed() {
            holders[Int(block)] -= 1
            guard holders[Int(block)] == 0 else { continue }
            available += 1
            guard known[Int(block)] != nil else {
                free.append(block)
                continue
            }
            releases += 1
            lastRelease[Int(block)] = releases
            idle.append((block, releases))
        }
    }

    private mutating func oldestIdle() -> Int32? {
        while idleStart < idle.count {
            let (block, release) = idle[idleStart]
            idleStart += 1
            if idleStart > 1024, idleStart * 2 > idle.count {
                idle.removeFirst(idleStart)
                idleStart = 0
            }
            if holders[Int(block)] == 0, known[Int(block)] != nil, lastRelease[Int(block)] == release { return block }
        }
        return nil
    }

    private mutating func forget(_ block: Int32) {
        byKey[known[Int(block)]!.key] = nil
        known[Int(block)] = nil
        free.append(block)
    }
}
