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

    /// Registers that the sums and queries of ``packed(tileRows:spans:isPaired:)`` may take, in pairs.
    private static let mostPackedSpans = 32
    /// The rows of ``tiled(spans:)`` that are worth a tile; ``few(tileRows:lanesPerKey:spans:)`` takes fewer.
    private static let leastTiledRows = 17
    /// The rows and keys of a tile of ``tiled(spans:)``.
    private static let tileSide = 64
    /// The subgroups of a work-group of ``few(tileRows:lanesPerKey:spans:)``, and the keys that each lane has on its way.
    private static let (fewSubgroups, fewDepth) = (4, 4)

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
        }
    }

    /// The query rows of a work-group.
    var tileRows: Int {
        switch self {
        case .packed(let tileRows, _, _), .few(let tileRows, _, _): tileRows
        case .tiled: Self.tileSide
        }
    }

    func groupSize(subgroupSize: Int) -> Int {
        switch self {
        case .packed: subgroupSize
        case .few: Self.fewSubgroups * subgroupSize
        case .tiled: 2 * Self.tileSide
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
        }
    }

    /// How many work-groups share the keys of a tile: more where there are too few tiles to keep a graphics processor busy, as long as
    /// each has enough to do that its partial result is little beside it.
    func splits(keys: Int, tiles: Int, subgroupSize: Int) -> Int {
        let (enoughGroups, leastKeys) =
            switch self {
            case .packed: (512, 4 * subgroupSize)
            // An H100 (132 processors) keeps 3 TB/s busy with 16 KiB on their way on each: four such groups.
            case .few: (528, 128)
            case .tiled: (264, 4 * Self.tileSide)
            }
        return max(1, min(enoughGroups / max(tiles, 1), keys / leastKeys))
    }
}
