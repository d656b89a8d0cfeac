import Tensors
import VulkanRuntime

/// How attention/matrix.comp divides its work: a work-group for `subgroups` times a fragment's rows of queries, `keys` keys at a time.
struct AttentionMatrix: Equatable {
    let engine: MatrixEngine
    let subgroups, keys: Int
    /// The channels of a part of a head, rounded up to whole fragments, and the parts of a head.
    let head, parts: Int

    /// The registers of a lane from which on nothing here is short of them.
    private static let manyRegisters = 200

    /// The most channels of a part: twice as many take more registers for their sums, and more memory for queries, keys and values, than a
    /// work-group has.
    ///
    /// Of the 128 registers of 16 lanes sums of 8 rows by 48 channels leave room for what is loaded, those of more do not. Heads of 65 to 96 channels
    /// are in two parts of 48 there, for 1.5 times the products and as many instructions in all, hardly one of which goes to memory; those of other widths
    /// would have up to 1.8 times as many.
    private static func mostPartChannels(_ channels: Int, hasFewRegisters: Bool) -> Int {
        hasFewRegisters && (65...96).contains(channels) ? 48 : 256
    }
    /// The most keys of a block: parts of 48 channels fit few registers with as many as a fragment has.
    private static func mostKeys(_ channels: Int, hasFewRegisters: Bool) -> Int {
        hasFewRegisters && (channels <= 48 || mostPartChannels(channels, hasFewRegisters: true) == 48) ? 16 : 64
    }
    /// The tile that was measured for heads of this size; else that with the most rows, and of those the one with the most keys, that fits
    /// the device and is not larger than what there is to do; nil when there is none. 64 rows of 128 channels with 32 keys take 48 of
    /// an H100's KiB.
    /// - Parameter registers: How many a lane has.
    init?(
        _ engine: MatrixEngine, channels: Int, queryRows: Int, on report: DeviceReport, registers: Int, measured: [AttentionTile] = []
    ) {
        let useful = max(1, (queryRows + engine.fragment.rows - 1) / engine.fragment.rows)
        let known = measured.first { $0.channels == channels }.flatMap { AttentionMatrix(engine, $0, on: report, registers: registers) }
        let mostKeys = Self.mostKeys(channels, hasFewRegisters: registers < Self.manyRegisters)
        let all = AttentionTile.candidates(channels: channels).lazy.filter { $0.keys <= mostKeys }.compactMap {
            AttentionMatrix(engine, $0, on: report, registers: registers)
        }
        let fitting = known ?? all.first { $0.subgroups <= useful && $0.rows <= 64 } ?? all.last
        guard let fitting else { return nil }
        self = fitting
    }

    /// - Returns: nil when the device cannot run the tile.
    init?(_ engine: MatrixEngine, _ tile: AttentionTile, on report: DeviceReport, registers: Int) {
        let whole = max(engine.fragment.columns, engine.fragment.depth)
        guard engine.kind != .nv, tile.channels > 0, tile.channels % 8 == 0, tile.subgroups > 0, tile.keys > 0, tile.keys % whole == 0
        else { return nil }
        let most = Self.mostPartChannels(tile.channels, hasFewRegisters: registers < Self.manyRegisters)
        let parts = (tile.channels + most - 1) / most
        let part = (tile.channels + parts - 1) / parts
        self.init(engine: engine, subgroups: tile.subgroups, keys: tile.keys, head: (part + whole - 1) / whole * whole, parts: parts)
        guard rows <= 128, sharedBytes <= report.limits.sharedMemory, invocations <= report.limits.workGroupInvocations,
            keys % rowLanes == 0
        else { return nil }
    }

    private init(engine: MatrixEngine, subgroups: Int, keys: Int, head: Int, parts: Int) {
        (self.engine, self.subgroups, self.keys, self.head, self.parts) = (engine, subgroups, keys, head, parts)
    }

    var rows: Int { subgroups * engine.fragment.rows }
    var invocations: Int { subgroups * engine.lanes }
    /// The lanes that share a row in the softmax.
    private var rowLanes: Int { max(1, engine.lanes / engine.fragment.rows) }

    /// Queries, keys, values and weights as f16, each row with 16 bytes behind it; scores of each subgroup as f32, with 16 bytes a row, and
    /// a factor for each of its rows.
    private var sharedBytes: Int {
        (rows + 2 * keys) * (2 * head + 16) + rows * (2 * keys + 16) + 4 * rows * (keys + 5)
    }

    /// Specialization constants from 6 on.
    var constants: [UInt32] { engine.constants + [subgroups, keys, head, parts].map { UInt32($0) } }

    /// The loop iterations of an invocation that goes over a number of keys, with the loops of the emulation, which are not unrolled.
    func iterations(keys count: Int) -> Int {
        let fragment = engine.fragment
        let products = 1 + fragment.depth / 4
        let scores = keys / fragment.columns * (1 + head / fragment.depth * products)
        let softmax = max(1, engine.fragment.rows / engine.lanes) * 2 * keys / rowLanes
        let sums = keys / fragment.depth * (1 + head / fragment.columns * products)
        let pieces = 2 * (keys * head / 8 / invocations + 1)
        let queries = rows * head / 8 / invocations + 1 + head / fragment.depth
        let finishing = head / fragment.columns * (2 + fragment.rows * fragment.columns / engine.lanes) + queries + 3 * head
        let eachPart = 1 + scores + pieces + (parts > 1 ? queries : 0)
        return (count / keys + 2) * (parts * eachPart + softmax + sums + pieces + 1 + head / fragment.columns) + finishing
    }

    var description: String { "\(rows) rows by \(keys) keys of \(parts > 1 ? "\(parts) × " : "")\(head) channels, \(engine.fragment)" }
}

/// A tile of attention/matrix.comp for heads of one size.
public struct AttentionTile: Codable, Sendable, Hashable, CustomStringConvertible {
    public let channels, subgroups, keys: Int

    /// Those worth measuring, the most rows first.
    static func candidates(channels: Int) -> [AttentionTile] {
        [8, 4, 2, 1].flatMap { subgroups in
            [64, 32, 16].map { AttentionTile(channels: channels, subgroups: subgroups, keys: $0) }
        }
    }

    public var description: String { "\(subgroups) subgroups, \(keys) keys" }
}

extension VulkanBackend {
    /// The tile for an attention on tensor cores; nil where plain arithmetic is to do it.
    func attentionMatrix(_ operation: AttentionOperation, queryRows: Int, alignment: Int) throws -> AttentionMatrix? {
        guard case .automatic = productMethod, queryRows >= AttentionKernel.leastTiledRows, alignment % 16 == 0 else { return nil }
        let (queries, keys) = (operation.queries.dtype, operation.keys.dtype)
        guard matrixInputs == .half || matrixInputs == .activations && queries == .f16 && keys == .f16 else { return nil }
        for engine in matrices {
            guard
                let matrix = AttentionMatrix(
                    engine, channels: operation.headChannels, queryRows: queryRows, on: device.report, registers: registers,
                    measured: attentionTiles),
                kernels.has("attention/matrix-\(engine.kind.rawValue)"),
                try passesSelfCheck(matrix, queries: queries, keys: keys, result: operation.output.dtype)
            else { continue }
            return matrix
        }
        return nil
    }

    /// Whether the kernel passes its check: two heads over one with more rows than a tile and a few blocks of keys, causal.
    private func passesSelfCheck(_ matrix: AttentionMatrix, queries: DType, keys: DType, result type: DType) throws -> Bool {
        guard let matrixChecks, !isCheckingAttention else { return true }
        let kernel = "attention/matrix-\(matrix.engine.kind.rawValue)"
        let types = "\(queries), \(keys)" + (type == queries ? "" : " to \(type)")
        return try passesSelfCheck(matrixChecks, "\(kernel) (\(matrix.description), \(types))", code: kernels.code(kernel)) {
            isCheckingAttention = true
            defer { isCheckingAttention = false }
            let (rows, count) = (matrix.rows / 2 + 5, 3 * matrix.keys + 7)
            var inputs = MatrixCheckInputs()
            func tensor(_ shape: Shape, _ dtype: DType) throws -> Tensor {
                let values = inputs.activations(shape.count)
                return try upload(values, shape, dtype)
            }
            let query = try tensor([rows, 2, matrix.parts * matrix.head], queries)
            let key = try tensor([1, count, 1, matrix.parts * matrix.head], keys)
            let value = try tensor([1, count, 1, matrix.parts * matrix.head], keys)
            let segments = Segments(
                queryStarts: try upload([0, Int32(rows)]), keyLengths: try upload([Int32(count)]), slots: try upload([0 as Int32]),
                maximumQueries: rows, maximumKeys: count)
            func result(_ way: ProductMethod) throws -> [Float] {
                try computing(way) {
                    try floats(of: attention(query, keys: key, values: value, segments: segments, scale: 0.125, causal: true, as: type))
                }
            }
            return (try result(.automatic), try result(.scalar))
        }
    }
}
