import Tensors

/// One random case of attention: packed queries, a cache with stale rows in slots or in blocks, the types and the options.
struct AttentionDraw {
    let heads, keyHeads, channels, rows: Int
    let starts, keyLengths: [Int32]
    /// Where the keys lie.
    let table: BlockTableDraw
    let queryType, keyType, resultType: DType
    let scale: Float
    let causal: Bool
    let window: Int?
    let softCap: Float?
    let slack: Int
    let queries, keys, values: [Float]
    let bias: AttentionBiasDraw?
    /// Whether it is asked for as a batch of equally long sequences.
    let isDense: Bool

    init(_ index: Int, _ generator: inout CheckGenerator) {
        // One case in 40 has more keys than one pass of a device may take.
        let isLong = index % 40 == 39
        let isDecode = index % 3 == 0
        isDense = !isLong && !isDecode && generator.chance(0.3)
        // One in 15 has wide heads, which kernels take in parts: the picture autoencoders' single head of 512 channels, and wider.
        let isWide = !isLong && index % 15 == 7
        (heads, keyHeads) =
            isLong ? (2, 1) : generator.pick(isWide ? [(1, 1), (2, 1)] : [(1, 1), (2, 1), (3, 3), (4, 2), (9, 3), (8, 1), (6, 2)])
        channels =
            isLong
            ? generator.pick([32, 40, 64])
            : isWide
                ? generator.pick([512, 512, 257, 264, 300, 1048, 2052])
                : generator.pick([64, 64, 64, 128, 32, 40, 72, 80, 96, 160, 192, 256, 16, 20, 8, 5, 33, 1])
        let sequences = isLong ? 1 : generator.integer(in: 1...4)
        let capacity =
            isLong ? generator.integer(in: 20_000...33_000) : generator.pick(isDecode ? [1, 17, 64, 130, 300] : [3, 16, 33, 65, 100])
        causal = generator.chance(isDense ? 0.3 : 0.8)
        let denseQueries = generator.integer(in: 1...40)
        var (starts, keyLengths) = ([Int32(0)], [Int32]())
        for _ in 0..<sequences {
            var queryCount = generator.chance(0.08) ? 0 : isDecode || isLong ? 1 : generator.integer(in: 1...min(capacity, 40))
            if isDense { queryCount = denseQueries }
            // Fewer keys than queries leave the first queries of a causal sequence without any.
            let least = isLong ? 19_000 : min(queryCount, capacity)
            let keyCount = generator.chance(0.08) ? generator.integer(in: 0...least) : generator.integer(in: least...capacity)
            starts.append(starts.last! + Int32(queryCount))
            keyLengths.append(Int32(keyCount))
        }
        (self.starts, self.keyLengths) = (starts, keyLengths)
        rows = Int(starts.last!)
        // Blocks hold keys that all sequences have; theirs are the same then.
        let isPaged = !isDense && generator.chance(0.4)
        let prefix = isPaged && generator.chance(0.5) ? Int(keyLengths.min()!) : 0
        table =
            isDense
            ? BlockTableDraw(inOrder: sequences, of: capacity)
            : BlockTableDraw(
                sequences: sequences, capacity: capacity, keyLengths: keyLengths, prefix: prefix, isPaged: isPaged,
                spare: isLong ? 0 : generator.integer(in: 0...2), &generator)
        (queryType, keyType) = generator.pick([(.f32, .f32), (.f32, .f32), (.f32, .f16), (.f16, .f16), (.f16, .f32)])
        resultType = generator.chance(0.7) ? queryType : generator.pick([.f32, .f16])
        scale = generator.chance(0.8) ? Float(1 / Double(channels).squareRoot()) : 0.3
        window = causal && generator.chance(0.35) ? generator.pick([1, 2, 7, 16, 31, 64, 1000]) : nil
        softCap = generator.chance(0.25) ? generator.pick([5, 30, 50]) : nil
        slack = isDense ? 0 : generator.pick([0, 0, 5])
        // Large queries make one key win: the sum of weights is then the rounding of a few.
        queries = generator.normals(rows * heads * channels, deviation: generator.pick([1, 1, 8]), queryType)
        // Rows of the cache that no sequence sees hold whatever was there before.
        let width = keyHeads * channels
        var (keys, values) = (
            [Float](repeating: .nan, count: table.blockCount * table.blockSize * width),
            [Float](repeating: .nan, count: table.blockCount * table.blockSize * width)
        )
        for sequence in 0..<sequences {
            for key in 0..<Int(keyLengths[sequence]) {
                let start = table.row(of: key, in: sequence) * width
                keys.replaceSubrange(start..<start + width, with: generator.normals(width, keyType))
                values.replaceSubrange(start..<start + width, with: generator.normals(width, keyType))
            }
        }
        (self.keys, self.values) = (keys, values)
        let mostQueries = zip(starts.dropFirst(), starts).map { Int($0 - $1) }.max()! + slack
        let mostKeys = isDense ? capacity : min(Int(keyLengths.max()!) + slack, table.capacity)
        bias =
            generator.chance(0.35)
            ? AttentionBiasDraw(sequences: sequences, heads: heads, queries: mostQueries, keys: max(mostKeys, 1), &generator) : nil
    }

    var description: String {
        "queries [\(rows), \(heads), \(channels)] \(queryType) to \(resultType), cache [\(table.blockCount), \(table.blockSize), "
            + "\(keyHeads), \(channels)] \(keyType), starts \(starts), key lengths \(keyLengths), \(table.description), scale \(scale)"
            + (causal ? ", causal" : "")
            + (window.map { ", window \($0)" } ?? "") + (softCap.map { ", soft cap \($0)" } ?? "")
            + (bias.map { ", bias \($0.shape) \($0.dtype)" } ?? "") + (isDense ? ", dense" : "")
    }

    func run(_ device: CheckDevice, queries: [Float]) throws -> Tensor {
        let cache: Shape = [table.blockCount, table.blockSize, keyHeads, channels]
        let packed: Shape = [rows, heads, channels]
        let query = try device.input(queries, packed, queryType, "the queries")
        let key = try device.input(keys, cache, keyType, "the keys")
        let value = try device.input(values, cache, keyType, "the values")
        let biasTensor = try bias.map { try device.input($0.elements, $0.shape, $0.dtype, "the bias") }
        let output = try device.output(packed, resultType)
        let queryCounts = zip(starts.dropFirst(), starts).map { Int($0 - $1) }
        if isDense {
            let dense: Shape = [table.blockCount, queryCounts[0], heads, channels]
            return try device.backend.attention(
                query.reshaped(dense), keys: key, values: value, keyLengths: keyLengths.map(Int.init), scale: scale, causal: causal,
                window: window, softCap: softCap, bias: biasTensor, into: output.reshaped(dense)
            ).reshaped(packed)
        }
        let segments = Segments(
            queryStarts: try device.input(starts, [starts.count], "the query starts"),
            keyLengths: try device.input(keyLengths, [keyLengths.count], "the key lengths"),
            blocks: try device.input(table.blocks, [keyLengths.count, table.perSequence], "the blocks"),
            maximumQueries: queryCounts.max()! + slack,
            maximumKeys: Int(keyLengths.max()!) + slack)
        return try device.backend.attention(
            query, keys: key, values: value, segments: segments, scale: scale, causal: causal, window: window, softCap: softCap,
            bias: biasTensor, into: output)
    }
}

/// What is added to the scores, broadcast along some axes, with −∞ for some keys and, for a query here and there, for all.
struct AttentionBiasDraw {
    let shape: Shape
    let dtype: DType
    let elements: [Float]

    init(sequences: Int, heads: Int, queries: Int, keys: Int, _ generator: inout CheckGenerator) {
        let extents = [sequences, heads, max(queries, 1) + generator.pick([0, 0, 2])].map { generator.chance(0.5) ? $0 : 1 }
        let rowLength = keys + generator.pick([0, 0, 3])
        shape = Shape(extents + [rowLength])
        dtype = generator.activationType()
        let hidden = generator.pick([0, 0.1, 0.6])
        var elements = generator.normals(shape.count, deviation: generator.pick([1, 4]), dtype)
        for index in elements.indices where hidden > 0 && generator.chance(hidden) { elements[index] = -.infinity }
        for row in 0..<shape.rows where hidden > 0 && generator.chance(0.1) {
            for index in row * rowLength..<(row + 1) * rowLength { elements[index] = -.infinity }
        }
        self.elements = elements
    }

    subscript(sequence: Int, head: Int, query: Int, key: Int) -> Double {
        func place(_ index: Int, _ axis: Int) -> Int { shape[axis] == 1 ? 0 : index }
        return Double(elements[((place(sequence, 0) * shape[1] + place(head, 1)) * shape[2] + place(query, 2)) * shape[3] + key])
    }
}
