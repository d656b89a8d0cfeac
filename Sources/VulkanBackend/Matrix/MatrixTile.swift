import VulkanRuntime

/// The shape of one product of a device: (rows × depth) · (depth × columns).
public struct MatrixFragment: Sendable, Hashable, Codable, CustomStringConvertible {
    public let rows, columns, depth: Int

    public init(rows: Int, columns: Int, depth: Int) {
        (self.rows, self.columns, self.depth) = (rows, columns, depth)
    }

    public var description: String { "\(rows)×\(columns)×\(depth)" }
}

/// How a work-group divides a product: `rows` × `outputs` for the group, `subgroupRows` × `subgroupOutputs` for each of its subgroups.
public struct MatrixTile: Sendable, Hashable, Codable, CustomStringConvertible {
    public let rows, outputs, subgroupRows, subgroupOutputs: Int

    public init(_ rows: Int, _ outputs: Int, subgroup subgroupRows: Int, _ subgroupOutputs: Int) {
        (self.rows, self.outputs, self.subgroupRows, self.subgroupOutputs) = (rows, outputs, subgroupRows, subgroupOutputs)
    }

    public var description: String { "\(rows)×\(outputs) of \(subgroupRows)×\(subgroupOutputs)" }

    public var subgroups: Int { rows / subgroupRows * (outputs / subgroupOutputs) }

    /// Shared memory in bytes: two buffers of rows of 32 f16 elements and padding (common/matrixTile.glsl), and a fragment of f32 sums for
    /// each subgroup.
    func sharedBytes(_ fragment: MatrixFragment) -> Int {
        2 * (rows + outputs) * Self.rowBytes + subgroups * fragment.rows * fragment.columns * 4
    }

    private static let rowBytes = 80

    /// Why a device cannot run it; nil when it can.
    package func refusal(on report: DeviceReport, _ fragment: MatrixFragment, lanes: Int) -> String? {
        guard rows > 0, outputs > 0, subgroupRows > 0, subgroupOutputs > 0, rows % subgroupRows == 0, outputs % subgroupOutputs == 0,
            subgroupRows % fragment.rows == 0, subgroupOutputs % fragment.columns == 0
        else { return "it is not made of whole products of \(fragment)" }
        let limits = report.limits
        guard sharedBytes(fragment) <= limits.sharedMemory else {
            return "it takes \(sharedBytes(fragment)) bytes of shared memory, the device has \(limits.sharedMemory)"
        }
        let invocations = subgroups * lanes
        guard invocations <= min(limits.workGroupInvocations, limits.workGroupSize[0]) else {
            return "it takes \(invocations) invocations, the device has \(limits.workGroupInvocations)"
        }
        return nil
    }
}

/// A tile with how fast a device full of such tiles is, relative to others of its table.
public struct RatedTile: Sendable, Hashable, Codable {
    public let tile: MatrixTile
    public let rate: Double

    public init(tile: MatrixTile, rate: Double) {
        (self.tile, self.rate) = (tile, rate)
    }
}

extension [RatedTile] {
    /// The tile that takes the least time for a product, when all groups of a wave (one on each of `units` processors) take as long as
    /// their tile is large.
    /// Tiles of 16 rows are for products that have no more: two of them would decode each weight twice, which is what few rows are bound by.
    /// - Precondition: there are tiles.
    package func best(rows: Int, outputs: Int, units: Int) -> MatrixTile {
        func time(_ rated: RatedTile) -> Double {
            let tile = rated.tile
            let count = ((rows + tile.rows - 1) / tile.rows) * ((outputs + tile.outputs - 1) / tile.outputs)
            return Double((count + units - 1) / units) * Double(tile.rows * tile.outputs) / rated.rate
        }
        let suited = filter { $0.tile.rows > 16 || rows <= $0.tile.rows }
        return (suited.isEmpty ? self : suited).min { time($0) < time($1) }!.tile
    }
}
