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

    /// - Parameter cache: `[blocks, block size, …]`
    init(_ segments: Segments, cache: Tensor, _ operation: String) throws {
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
    func require(_ sequence: Int, of operation: AttentionOperation) throws {
        let (first, end, keys) = (Int(starts[sequence]), Int(starts[sequence + 1]), Int(keyLengths[sequence]))
        let needed = blockSize == 0 ? 0 : (max(keys, 0) + blockSize - 1) / blockSize
        let known = (0..<min(needed, blocksPerSequence)).map { Int(blocks(of: sequence)[$0]) }
        guard 0 <= first, first <= end, end <= operation.queries.shape[0], (0...operation.keyCapacity).contains(keys),
            known.allSatisfy((0..<count).contains)
        else {
            throw TensorError.executionFailed(
                operation: "attention",
                detail: "sequence \(sequence) with query rows \(first) ..< \(end), \(keys) keys and blocks \(known) "
                    + "lies outside queries \(operation.queries.shape) or keys \(operation.keys.shape)")
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
