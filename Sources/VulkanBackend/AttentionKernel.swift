import Tensors

/// The kernels of ``VulkanBackend/attention(_:)``, with what each is compiled for.
///
/// A query's rows are those of all query heads that share a key head: each key and value that is loaded serves all rows of a tile.
///
/// Heads have any number of channels. The sums of a wide one take more registers than there are: it is in parts, and a work-group sums the
/// values of one of them, by scores that each computes for itself. Of p parts that is (p + 1) / 2 times the arithmetic.
enum AttentionKernel: Equatable {
    /// A subgroup with the keys of its tile over its lanes, two channels of a head at a time, no shared memory.
    case packed(tileRows: Int, spans: Int, parts: Int, isPaired: Bool)
    /// Few rows, where reading keys and values is most of the work: eight channels of a key a lane.
    case few(tileRows: Int, lanesPerKey: Int, spans: Int)
    /// Tiles of 64 rows by 64 keys in shared memory, whose 16 rows of lanes have so many columns.
    case tiled(columns: Int, spans: Int, parts: Int)
    /// Tiles on tensor cores.
    case matrix(AttentionMatrix)

    /// The sums and queries of ``packed(tileRows:spans:parts:isPaired:)`` that its registers are meant for, in pairs of channels, and the most
    /// spans that a part of a head has.
    private static let (mostPackedPairs, mostPackedSpans) = (32, 32)
    /// The widest part of a head in ``tiled(columns:spans:parts:)``, with eight columns and with 16.
    private static let (mostTiledChannels, mostNarrowChannels) = (256, 128)
    /// The widest heads of ``few(tileRows:lanesPerKey:spans:)``, which holds queries and sums of whole heads in registers.
    private static let mostFewChannels = 512
    /// The rows of ``tiled(columns:spans:parts:)`` that are worth a tile; ``few(tileRows:lanesPerKey:spans:)`` takes fewer.
    static let leastTiledRows = 17
    /// The rows and keys of a tile of ``tiled(columns:spans:parts:)``.
    private static let tileSide = 64
    /// The subgroups of a work-group of ``few(tileRows:lanesPerKey:spans:)``, the fewest keys that each lane has on its way, which are twice as
    /// many of f16, and the fewest of a stretch.
    private static let (fewSubgroups, fewDepth, leastStretch) = (4, 2, 256)

    /// - Parameters:
    ///   - queryRows: The most rows of any segment: its queries times the query heads of a key head.
    ///   - alignment: What the addresses of queries, keys, values and result are multiples of, in bytes.
    ///   - registers: How many a lane has.
    ///   - isInvariant: Whether all numbers of rows are to have one kernel.
    init(
        _ operation: AttentionOperation, queryRows: Int, alignment: Int, family: KernelFamily, subgroupSize: Int, registers: Int,
        isInvariant: Bool
    ) {
        let channels = operation.headChannels
        if family == .tiles && alignment % 16 == 0 && channels % 4 == 0 && subgroupSize >= 8 {
            if queryRows >= Self.leastTiledRows && !isInvariant || channels % 8 != 0 || channels > Self.mostFewChannels {
                self = .tiled(channels, subgroupSize: subgroupSize, registers: registers)
                return
            }
            let lanesPerKey = min([1, 2, 4, 8, 16].first { 8 * $0 >= channels } ?? 32, subgroupSize)
            let spans = (channels + 8 * lanesPerKey - 1) / (8 * lanesPerKey)
            // Queries and sums take 16 registers for each row and span.
            var tileRows = [1, 2, 4].first { queryRows <= $0 || 2 * $0 * spans > 8 } ?? 8
            // Beside them keys and values in flight, scores, and places.
            while tileRows > 1, tileRows * (16 * spans + 4) + 32 * spans + 20 > registers { tileRows /= 2 }
            self = .few(tileRows: tileRows, lanesPerKey: lanesPerKey, spans: spans)
            return
        }
        let (spans, parts) = Self.parts(of: channels, span: 2 * subgroupSize, most: Self.mostPackedSpans)
        let tileRows = [1, 2, 4].first { queryRows <= $0 || 2 * $0 * spans > Self.mostPackedPairs } ?? 8
        let isPaired = channels % 2 == 0 && alignment % 8 == 0
        self = .packed(tileRows: tileRows, spans: spans, parts: parts, isPaired: isPaired)
    }

    /// With eight columns a lane has 16 registers for the sums of each span of 32 channels, 32 for scores and 16 for what is on its way: 147 to 195 in
    /// all for heads of 64 to 160 channels, as Intel's compiler of Mesa 26 counts them. With 16 columns it is half as much but for the places.
    private static func tiled(_ channels: Int, subgroupSize: Int, registers: Int) -> AttentionKernel {
        func kernel(columns: Int) -> (columns: Int, spans: Int, parts: Int) {
            let most = columns == 8 ? mostTiledChannels : mostNarrowChannels
            let (spans, parts) = Self.parts(of: channels, span: 4 * columns, most: most / (4 * columns))
            return (columns, spans, parts)
        }
        let usual = kernel(columns: 8)
        let isNarrow = registers < 200 && usual.spans > 1 && subgroupSize >= 16
        let (columns, spans, parts) = isNarrow ? kernel(columns: 16) : usual
        return .tiled(columns: columns, spans: spans, parts: parts)
    }

    /// The fewest parts of at most `most` spans, and the spans of each.
    private static func parts(of channels: Int, span: Int, most: Int) -> (spans: Int, parts: Int) {
        let all = (channels + span - 1) / span
        let parts = (all + most - 1) / most
        return ((all + parts - 1) / parts, parts)
    }

    /// The work-groups that share the channels of a head.
    var parts: Int {
        switch self {
        case .few: 1
        case .packed(_, _, let parts, _), .tiled(_, _, let parts): parts
        case .matrix(let matrix): matrix.parts
        }
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
        case .packed(let tileRows, _, _, _), .few(let tileRows, _, _): tileRows
        case .tiled: Self.tileSide
        case .matrix(let matrix): matrix.rows
        }
    }

    func groupSize(subgroupSize: Int) -> Int {
        switch self {
        case .packed: subgroupSize
        case .few: Self.fewSubgroups * subgroupSize
        case .tiled(let columns, _, _): Self.tileSide / 4 * columns
        case .matrix(let matrix): matrix.invocations
        }
    }

    /// Specialization constants from 6 on.
    func constants(subgroupSize: Int) -> [UInt32] {
        switch self {
        case .packed(let tileRows, let spans, let parts, let isPaired):
            [UInt32(subgroupSize), UInt32(tileRows), UInt32(spans), isPaired ? 1 : 0, UInt32(parts)]
        case .few(let tileRows, let lanesPerKey, let spans):
            [UInt32(lanesPerKey), UInt32(tileRows), UInt32(spans), UInt32(subgroupSize)]
        case .tiled(let columns, let spans, let parts):
            [UInt32(spans), UInt32(Self.stagedValues(columns: columns, spans: spans)), UInt32(parts), UInt32(columns)]
        case .matrix(let matrix): matrix.constants
        }
    }

    /// The keys whose values fit the stage: a power of two.
    private static func stagedValues(columns: Int, spans: Int) -> Int { [64, 32, 16].first { $0 * spans * columns <= 8 * tileSide } ?? 8 }

    /// The keys after which sums join those of the keys before them where a row is not to depend on others; nil for kernels that take no keys
    /// apart from others then.
    func stretch(subgroupSize: Int, keys: DType) -> Int? {
        guard case .few(_, let lanesPerKey, _) = self else { return nil }
        return max(Self.leastStretch, Self.fewSubgroups * Self.fewDepth * (keys == .f16 ? 2 : 1) * (subgroupSize / lanesPerKey))
    }

    /// The loop iterations of an invocation that goes over a number of keys, of ``few(tileRows:lanesPerKey:spans:)`` with a sum of each stretch.
    func iterations(keys: Int, channels: Int, subgroupSize: Int) -> Int {
        switch self {
        case .packed(let tileRows, let spans, let parts, _):
            let queries = tileRows * spans
            if parts == 1 { return 3 * (keys + subgroupSize) + 2 * queries }
            let scores = parts * (1 + queries + subgroupSize)
            return (keys / subgroupSize + 1) * (1 + scores + subgroupSize) + queries
        case .few(let tileRows, let lanesPerKey, _):
            let step = Self.fewSubgroups * Self.fewDepth * max(1, subgroupSize / lanesPerKey)
            return keys / step + 1 + (keys / Self.leastStretch + 1) * (1 + tileRows * (1 + channels / subgroupSize))
        case .tiled(let columns, let spans, _):
            let scores = channels + (channels + 15) / 16 + 16
            let values = Self.tileSide + Self.tileSide / Self.stagedValues(columns: columns, spans: spans)
            return (keys / Self.tileSide + 1) * (scores + values + 1) + 4 * spans
        case .matrix(let matrix): return matrix.iterations(keys: keys)
        }
    }

    /// How many work-groups share the keys of a tile: more where there are too few tiles to keep a graphics processor busy, as long as
    /// each has enough to do that its partial result is little beside it.
    ///
    /// Decoding with Llama 3 8B over 32,768 keys in f16 is 128 MiB to read: 43 µs at an H100's 3.1 TB/s, which takes 2 MB in flight, 16 KiB
    /// on each of its 132 processors. A lane of ``few(tileRows:lanesPerKey:spans:)`` has 128 bytes in flight, and its some 140
    /// registers leave room for three work-groups of 128 lanes on a processor, 48 KiB: three times what is needed, for the part of the
    /// time that goes into arithmetic. That is 396 work-groups, 49 for each of the 8 key heads, with 670 keys each; their partial results
    /// are 1.6 MB, 1 % of the keys. Arithmetic takes some 10 µs beside it: 0.5 G multiplications and additions, as long again for the rest.
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
