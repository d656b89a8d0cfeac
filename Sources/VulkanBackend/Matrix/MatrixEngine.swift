import Tensors
import VulkanRuntime

/// What a backend multiplies matrices of f16 with, when it does not do so by plain arithmetic.
package struct MatrixEngine: Equatable {
    package let kind: MatrixKind
    /// The product of the device that tiles are made of.
    package let fragment: MatrixFragment
    /// The lanes of a subgroup; for ``MatrixKind/nv``, the invocations of a work-group. They do a product together.
    package let lanes: Int
    /// The tiles that the device can run; never empty.
    package let tiles: [RatedTile]
    /// Processors that work-groups are dealt out to.
    package let units: Int

    /// Specialization constants of common/matrix.glsl.
    var constants: [UInt32] { [lanes, fragment.rows, fragment.columns, fragment.depth].map { UInt32($0) } }

    /// The engines of a device, the fastest first; none for plain arithmetic.
    /// - Parameter table: Tiles that were measured on the device; empty for those built in.
    /// - Throws: ``TensorError/executionFailed(operation:detail:)`` when the kind asked for cannot be had.
    package static func all(_ choice: MatrixChoice, on report: DeviceReport, tiles table: [RatedTile] = []) throws -> [MatrixEngine] {
        switch choice {
        case .automatic:
            return [MatrixKind.nv, .khr].filter { refusal(unasked: $0, on: report) == nil }.map { MatrixEngine($0, report, table) }
        case .only(.scalar):
            return []
        case .only(let kind):
            if let reason = refusal(of: kind, on: report) {
                throw TensorError.executionFailed(
                    operation: "VulkanBackend", detail: "\(report.name) cannot multiply matrices by \(kind.rawValue): \(reason)")
            }
            return [MatrixEngine(kind, report, table)]
        }
    }

    /// - Precondition: The device does not refuse the kind.
    private init(_ kind: MatrixKind, _ report: DeviceReport, _ table: [RatedTile]) {
        self.kind = kind
        (fragment, lanes) = Self.product(of: kind, on: report)!
        let deviceClass = DeviceClass(report)
        let measured = kind == .nv ? nil : Self.runnable(table, on: report, kind)
        tiles = measured ?? Self.runnable(Self.tiles(deviceClass, kind), on: report, kind)!
        units = DeviceClass.processors(report)
    }

    private static func tiles(_ deviceClass: DeviceClass, _ kind: MatrixKind) -> [RatedTile] {
        kind == .nv ? deviceClass.workgroupTiles : deviceClass.matrixTiles
    }

    /// The invocations of a work-group for a tile.
    func invocations(_ tile: MatrixTile) -> Int { kind == .nv ? lanes : tile.subgroups * lanes }

    /// Why a device does not multiply in this way when it is not told to; nil when it does. A processor's products of matrices are those of
    /// plain arithmetic by a longer way: Mesa 26.2's llvmpipe takes 2.5 times as long with them.
    static func refusal(unasked kind: MatrixKind, on report: DeviceReport) -> String? {
        refusal(of: kind, on: report) ?? (report.isSoftware ? "it computes on the CPU, where plain arithmetic is faster" : nil)
    }

    /// Why a device cannot multiply in this way, or had better not; nil when it can.
    static func refusal(of kind: MatrixKind, on report: DeviceReport) -> String? {
        if kind == .scalar { return nil }
        if kind == .khr {
            guard report.features.contains(.cooperativeMatrix) else { return "it lacks VK_KHR_cooperative_matrix" }
            guard report.features.contains(.computeFullSubgroups) else { return "it lacks computeFullSubgroups" }
            // Before Xe 2, which has subgroups of 16 and more, products are emulated and slower than plain arithmetic.
            if DeviceClass(report) == .intel, report.limits.smallestSubgroupSize < 16 { return "its tensor cores are those before Xe 2" }
        }
        if kind == .nv {
            let missing = DeviceFeature.workgroupMatrix.subtracting(report.features).map(\.rawValue).sorted()
            guard missing.isEmpty else { return "it lacks \(missing.joined(separator: ", ")) (VK_NV_cooperative_matrix2)" }
        }
        guard product(of: kind, on: report) != nil else {
            let shapes = report.matrixShapes.map { "\($0.rows)×\($0.columns)×\($0.depth) \($0.a)→\($0.result)" }
            return "none of its products is f16 with f32 sums (\(shapes.joined(separator: ", ")))"
        }
        guard runnable(tiles(DeviceClass(report), kind), on: report, kind) != nil else {
            return "none of the tiles fits its \(report.limits.sharedMemory) bytes of shared memory"
        }
        return nil
    }

    /// The product to build on, f16 with f32 sums, and who does it: the largest of subgroups, or the one of the most invocations.
    private static func product(of kind: MatrixKind, on report: DeviceReport) -> (MatrixFragment, lanes: Int)? {
        let lanes = DeviceClass.subgroupSize(report)
        switch kind {
        case .scalar:
            return nil
        case .emulated:
            // A fragment's sums are dealt out to the lanes, so their numbers divide one another.
            return [4, 8, 16, 32, 64].contains(lanes) ? (MatrixFragment(rows: 16, columns: 16, depth: 16), lanes) : nil
        case .khr:
            return report.matrixShapes.filter { shape in
                shape.isSubgroupScope && [shape.a, shape.b] == ["f16", "f16"] && [shape.c, shape.result] == ["f32", "f32"]
                    && [8, 16, 32].contains(shape.rows) && [8, 16, 32].contains(shape.columns) && [8, 16, 32].contains(shape.depth)
            }.map {
                MatrixFragment(rows: $0.rows, columns: $0.columns, depth: $0.depth)
            }.max {
                ($0.rows * $0.columns * $0.depth, $0.rows) < ($1.rows * $1.columns * $1.depth, $1.rows)
            }.map { ($0, lanes) }
        case .nv:
            return report.workgroupMatrixShapes.filter { shape in
                [shape.a, shape.b] == ["f16", "f16"] && [shape.c, shape.result] == ["f32", "f32"] && workgroupStep % shape.depth == 0
                    && shape.invocations <= 256
            }.max { $0.invocations < $1.invocations }.map {
                (MatrixFragment(rows: $0.rows, columns: $0.columns, depth: $0.depth), $0.invocations)
            }
        }
    }

    /// The channels that a work-group multiplies at a time (linear/workgroup.comp).
    static let workgroupStep = 64

    /// Why the engine cannot run a tile; nil when it can.
    package func refusal(of tile: MatrixTile, on report: DeviceReport) -> String? { tile.refusal(on: report, fragment, lanes: lanes) }

    private static func runnable(_ table: [RatedTile], on report: DeviceReport, _ kind: MatrixKind) -> [RatedTile]? {
        guard let (fragment, lanes) = product(of: kind, on: report) else { return nil }
        let tiles = table.filter { rated in
            guard rated.rate > 0 else { return false }
            // The driver of whole work-groups has the shared memory to itself.
            if kind == .nv { return rated.tile.rows % fragment.rows == 0 && rated.tile.outputs % fragment.columns == 0 }
            return rated.tile.refusal(on: report, fragment, lanes: lanes) == nil
        }
        return tiles.isEmpty ? nil : tiles
    }
}
