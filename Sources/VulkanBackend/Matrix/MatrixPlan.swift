import VulkanRuntime

/// One way of computing a product of rows and weights with a ``MatrixEngine``.
package struct MatrixPlan: Equatable {
    package let engine: MatrixEngine
    package let tile: MatrixTile
    /// Work-groups that share the channels of a tile, and the channels of each.
    package let splits, splitChannels: Int

    /// The fewest channels for which a work-group of its own pays.
    private static let fewestChannels = 256
    private static let mostSplits = 16
    private static let (fewRows, groupsForFewRows) = (64, 4)

    package init(_ engine: MatrixEngine, tile: MatrixTile, splits: Int, splitChannels: Int) {
        (self.engine, self.tile, self.splits, self.splitChannels) = (engine, tile, splits, splitChannels)
    }

    /// - Parameter count: How many such products there are side by side.
    package init(_ engine: MatrixEngine, rows: Int, outputs: Int, channels: Int, count: Int = 1) {
        let units = max(1, engine.units / count)
        let tile = engine.tiles.best(rows: rows, outputs: outputs, units: units)
        // Few rows are bound by the bytes of the weights, of which one group a processor does not have enough in flight.
        let groups = units * (rows <= Self.fewRows ? Self.groupsForFewRows : 1)
        let free = engine.kind == .nv ? 1 : groups / tile.count(rows: rows, outputs: outputs)
        let wanted = max(1, min(free, channels / Self.fewestChannels, Self.mostSplits))
        // Splits begin at multiples of a step of 32 channels.
        let splitChannels = wanted == 1 ? channels : ((channels + wanted - 1) / wanted + 31) / 32 * 32
        self.init(engine, tile: tile, splits: (channels + splitChannels - 1) / splitChannels, splitChannels: splitChannels)
    }

    /// Specialization constants of common/matrix.glsl and common/matrixTile.glsl, or of linear/workgroup.comp.
    package var constants: [UInt32] {
        if engine.kind == .nv { return [tile.rows, tile.outputs, MatrixEngine.workgroupStep].map { UInt32($0) } }
        return engine.constants + [tile.rows, tile.outputs, tile.subgroupRows, tile.subgroupOutputs].map { UInt32($0) }
    }

    /// The loop iterations of an invocation, with the loops of the emulation, which are not unrolled.
    var iterations: Int {
        let fragment = engine.fragment
        let (down, across) = (tile.subgroupRows / fragment.rows, tile.subgroupOutputs / fragment.columns)
        let products = 32 / fragment.depth * (1 + across + down * (1 + across * (1 + fragment.depth / 4)))
        let pieces = 4 * (4 * tile.rows + 4 * tile.outputs) / engine.invocations(tile) + 4
        let finishing = down * across * (2 + fragment.rows * fragment.columns / engine.lanes)
        return (splitChannels / 32 + 2) * (products + pieces + 1) + finishing
    }
}

/// How products are computed: as is best, or in one way that is to be checked or measured.
package enum ProductMethod {
    case automatic
    case scalar
    case matrix(MatrixPlan)
}

extension MatrixTile {
    /// The tiles of a product.
    func count(rows: Int, outputs: Int) -> Int {
        ((rows + self.rows - 1) / self.rows) * ((outputs + self.outputs - 1) / self.outputs)
    }
}
