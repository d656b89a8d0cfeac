import Tensors

/// Packed sequences whose new keys go into a cache.
struct StoreDraw {
    let rows: Int
    let starts, keyLengths: [Int32]
    let table: BlockTableDraw
    /// The most keys of a sequence.
    private let capacity: Int

    /// - Parameter isEmpty: Whether no sequence has a new key.
    init(isEmpty: Bool, _ generator: inout CheckGenerator) {
        let sequences = generator.integer(in: 1...9)
        let capacity = generator.integer(in: 1...70)
        var (starts, keyLengths) = ([Int32(0)], [Int32]())
        for _ in 0..<sequences {
            let count = generator.chance(0.15) || isEmpty ? 0 : generator.chance(0.5) ? 1 : generator.integer(in: 1...40)
            starts.append(starts.last! + Int32(count))
            // Now and then fewer keys than rows: the first of these have no place.
            keyLengths.append(Int32(generator.integer(in: generator.chance(0.9) ? min(count, capacity)...capacity : 0...capacity)))
        }
        table = BlockTableDraw(
            sequences: sequences, capacity: capacity, keyLengths: keyLengths, prefix: 0, isPaged: generator.chance(0.6),
            spare: generator.integer(in: 0...2), &generator)
        // Rows behind those of the sequences belong to none.
        rows = Int(starts.last!) + generator.pick([0, 0, 3])
        (self.starts, self.keyLengths, self.capacity) = (starts, keyLengths, capacity)
    }

    var description: String { "starts \(starts), key lengths \(keyLengths), \(table.description)" }

    func segments(on device: CheckDevice) throws -> Segments {
        Segments(
            queryStarts: try device.input(starts, [starts.count], "the query starts"),
            keyLengths: try device.input(keyLengths, [keyLengths.count], "the key lengths"),
            blocks: try device.input(table.blocks, [keyLengths.count, table.perSequence], "the blocks"), maximumQueries: 40,
            maximumKeys: capacity)
    }

    /// The row of the cache that each row goes to; nil for none.
    var places: [Int?] {
        (0..<rows).map { row in
            guard let sequence = keyLengths.indices.last(where: { starts[$0] <= row && row < starts[$0 + 1] }) else { return nil }
            let key = Int(keyLengths[sequence]) - Int(starts[sequence + 1]) + row
            return key < 0 || key >= table.capacity ? nil : table.row(of: key, in: sequence)
        }
    }
}
