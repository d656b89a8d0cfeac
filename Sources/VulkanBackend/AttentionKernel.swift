import Tensors

/// The kernels of ``VulkanBackend/attention(_:)``, with what each is compiled for.
///
/// A query's rows are those of all query heads that share a key head: each key and value that is loaded serves all rows of a tile.
enum AttentionKernel: Equatable {
    /// A subgroup with the keys of its tile over its lanes, two channels of a head at a time: heads of any size, no shared memory.
    case packed(tileRows: Int, spans: Int, isPaired: Bool)
    /// Few rows, where reading keys and values is most of the work: eight channels of a key a lane.
    case few(tileRows: Int, lanesPerKey: Int, spans: Int)
    /// Tiles of 64 rows by 64 keys in shared memory.
    case tiled(spans: Int)
    /// Tiles on tensor cores.
    case matrix(AttentionMatrix)

    /// Registers that the sums and queries of ``packed(tileRows:spans:isPaired:)`` may take, in pairs.
    private static let mostPackedSpans = 32
    /// The rows of ``tiled(spans:)`` that are worth a tile; ``few(tileRows:lanesPerKey:spans:)`` takes fewer.
    static let leastTiledRows = 17
    /// The rows and keys of a tile of ``tiled(spans:)``.
    private static let tileSide = 64
    /// The subgroups of a work-group of ``few(tileRows:lanesPerKey:spans:)``, and the fewest keys that each lane has on its way.
    private static let (fewSubgroups, fewDepth) = (4, 2)

    /// - Parameters:
    ///   - queryRows: The most rows of any segment: its queries times the query heads of a key head.
    ///   - alignment: What the addresses of queries, keys, values and result are multiples of, in bytes.
    init(_ operation: AttentionOperation, queryRows: Int, alignment: Int, family: KernelFamily, subgroupSize: Int) {
        let channels = operation.headChannels
        if family == .tiles && alignment % 16 == 0 && channels % 4 == 0 && subgroupSize >= 8 {
            if queryRows >= Self.leastTiledRows || channels % 8 != 0 {
                self = .tiled(spans: (channels + 31) / 32)
                return
            }
            let lanesPerKey = min([1, 2, 4, 8, 16].first { 8 * $0 >= channels } ?? 32, subgroupSize)
            let spans = (channels + 8 * lanesPerKey - 1) / (8 * lanesPerKey)
            // Queries and sums take 16 registers for each row and span.
            let tileRows = [1, 2, 4].first { queryRows <= $0 || 2 * $0 * spans > 8 } ?? 8
            self = .few(tileRows: tileRows, lanesPerKey: lanesPerKey, spans: spans)
            return
        }
        let spans = (channels + 2 * subgroupSize - 1) / (2 * subgroupSize)
        let tileRows = [1, 2, 4].first { queryRows <= $0 || 2 * $0 * spans > Self.mostPackedSpans } ?? 8
        let isPaired = channels % 2 == 0 && alignment % 8 == 0
        self = .packed(tileRows: tileRows, spans: spans, isPaired: isPaired)
    }

    var shader: String {
        switch self {
        case .packed: "packed"
        case .few: "few"
        case .tiled: "tiled"
        case .matrix(let matrix): "matrix-\(matrix.engine.kind.rawValue)"
        }
    }

    /// The query rows of a work-group.
    var tileRows: Int {
        switch self {
        case .packed(let tileRows, _, _), .few(let tileRows, _, _): tileRows
        case .tiled: Self.tileSide
        case .matrix(let matrix): matrix.rows
        }
    }

    func groupSize(subgroupSize: Int) -> Int {
        switch self {
        case .packed: subgroupSize
        case .few: Self.fewSubgroups * subgroupSize
        case .tiled: 2 * Self.tileSide
        case .matrix(let matrix): matrix.invocations
        }
    }

    /// Specialization constants from 6 on.
    func constants(subgroupSize: Int) -> [UInt32] {
        switch self {
        case .packed(let tileRows, let spans, let isPaired):
            [UInt32(subgroupSize), UInt32(tileRows), UInt32(spans), isPaired ? 1 : 0]
        case .few(let tileRows, let lanesPerKey, let spans):
            [UInt32(lanesPerKey), UInt32(tileRows), UInt32(spans), UInt32(subgroupSize)]
        case .tiled(let spans): [UInt32(spans), UInt32(Self.stagedValues(spans: spans))]
        case .matrix(let matrix): matrix.constants
        }
    }

    /// The keys whose values fit the stage: a power of two.
    private static func stagedValues(spans: Int) -> Int { [64, 32, 16].first { $0 * spans <= tileSide } ?? 8 }

    /// The loop iterations of an invocation that goes over a number of keys.
    func iterations(keys: Int, channels: Int, subgroupSize: Int) -> Int {
        switch self {
        case .packed(let tileRows, let spans, _): return 3 * (keys + subgroupSize) + 2 * tileRows * spans
        case .few(let tileRows, let lanesPerKey, _):
            let step = Self.fewSubgroups * Self.fewDepth * max(1, subgroupSize / lanesPerKey)
            return keys / step + 1 + tileRows * (1 + channels / subgroupSize)
        case .tiled(let spans):
            let scores = channels + (channels + 15) / 16 + 16
            let values = Self.tileSide + Self.tileSide / Self.stagedValues(spans: spans)
            return (keys / Self.tileSide + 1) * (scores + values + 1) + 4 * spans
        case .matrix(let matrix): return matrix.iterations(keys: keys)
        }
    }

    /// How many work-groups share the keys of a tile: more where there are too few tiles to keep a graphics processor busy, as long as
    /// each has enough to do that its partial result is little beside it.
    ///
    /// Decoding with Llama 3 8B over 32,768 keys in f16 is 128 MiB to read: 43 µs at an H100's 3.1 TB/s, which takes 2 MB on their way, 16 KiB
    /// on each of its 132 processors. A lane of ``few(tileRows:lanesPerKey:spans:)`` has 128 bytes on their way, and its some 140
    /// registers leave room for three work-groups of 128 lanes on a processor, 48 KiB: three times what is needed, for the part of the
    /// time that goes into arithmetic. That is 396 work-groups, 49 for each of the 8 key heads, with 670 keys each; their partial results
    /// are 1.6 MB, 1 % of the keys. Arithmetic takes some 20 µs beside it (9 for 0.5 G multiplications and additions, 11 for exponentials).
    func splits(keys: Int, tiles: Int, subgroupSize: Int) -> Int {
        let (enoughGroups, leastKeys) =
            switch self {
            case .packed: (512, 4 * subgroupSize)
            case .few: (396, 128)
            case .tiled, .matrix: (264, 4 * Self.tileSide)
            }
        return max(1, min(enoughGroups / max(tiles, 1), keys / leastKeys))
    }
}
