import Tensors

/// Where the keys of packed sequences lie in a cache of blocks, in host memory.
struct KeyBlocks {
    let starts: UnsafeMutablePointer<Int32>
    let keyLengths: UnsafeMutablePointer<Int32>
    let table: UnsafeMutablePointer<Int32>
    let blocksPerSequence: Int
    let blockSize: Int
    /// The blocks that there are.
    let count: Int

    /// - Parameters:
    ///   - cache: `[blocks, block size, …]`
    ///   - recording: Keeps what it reads.
    init(_ segments: Segments, cache: Tensor, _ operation: String, _ recording: CPURecording? = nil) throws {
        for tensor in [segments.queryStarts, segments.keyLengths, segments.blocks] { recording?.keep(tensor) }
        starts = try segments.queryStarts.hostIntegers(operation)
        keyLengths = try segments.keyLengths.hostIntegers(operation)
        table = try segments.blocks.hostIntegers(operation)
        blocksPerSequence = segments.blocks.shape[1]
        (count, blockSize) = (cache.shape[0], cache.shape[1])
    }

    /// The blocks of a sequence.
    func blocks(of sequence: Int) -> UnsafeMutablePointer<Int32> { table + sequence * blocksPerSequence }

    /// The row of a key in the cache seen as `[blocks · block size, …]`; nil where it has none.
    func row(of key: Int, in sequence: Int) -> Int? {
        guard key >= 0, blockSize > 0, key < blocksPerSequence * blockSize else { return nil }
        let block = Int(blocks(of: sequence)[key / blockSize])
        return (0..<count).contains(block) ? block * blockSize + key % blockSize : nil
    }

    /// Throws unless the queries and keys of a sequence lie where there are any.
    /// - Parameters:
    ///   - queries: The shape of all of them.
    ///   - keys: The shape of the cache.
    func require(_ sequence: Int, queries: Shape, keys: Shape) throws {
        let (first, end, count) = (Int(starts[sequence]), Int(starts[sequence + 1]), Int(keyLengths[sequence]))
        let needed = blockSize == 0 ? 0 : (max(count, 0) + blockSize - 1) / blockSize
        let known = blocks(of: sequence)
        let areKnown = (0..<min(needed, blocksPerSequence)).allSatisfy { (0..<self.count).contains(Int(known[$0])) }
        guard 0 <= first, first <= end, end <= queries[0], (0...blockSize * blocksPerSequence).contains(count), areKnown else {
            throw TensorError.executionFailed(
                operation: "attention",
                detail: "sequence \(sequence) with query rows \(first) ..< \(end), \(count) keys and blocks "
                    + "\((0..<min(needed, blocksPerSequence)).map { Int(known[$0]) }) lies outside queries \(queries) or keys \(keys)")
        }
    }

    /// The row of the cache for each row of new keys; −1 for those that have none.
    func places(rows: Int, sequences: Int) -> [Int] {
        var places = [Int](repeating: -1, count: rows)
        for sequence in 0..<sequences {
            let (first, end) = (max(Int(starts[sequence]), 0), min(Int(starts[sequence + 1]), rows))
            for row in first..<max(first, end) {
                places[row] = self.row(of: Int(keyLengths[sequence]) - Int(starts[sequence + 1]) + row, in: sequence) ?? -1
            }
        }
        return places
    }
}
