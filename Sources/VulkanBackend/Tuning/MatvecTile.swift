import Tensors

/// How a product with few rows is laid out (linear/fewRows.glsl).
struct MatvecTile: Equatable {
    /// Rows and outputs that some lanes compute together.
    let rows, outputs: Int
    /// The chunks of a quantised weight, or the pieces of a plain one, that a lane loads at a time.
    let unroll: Int
    /// Those lanes; 0 for the whole subgroup.
    let lanes: Int
    /// Whether rows are whole groups of the weight's layout.
    let isInGroups: Bool
    /// Whether integers of four bits become floats without a conversion.
    let splices: Bool
    /// The channels of x that a work-group rounds to integers at a time (linear/rounded.glsl); 0 for products with x as it is.
    let section: Int

    /// - Parameters:
    ///   - registers: How many each lane has.
    ///   - splices: Whether conversions are slow.
    ///   - rounds: Whether x is rounded to integers.
    ///   - isInvariant: Whether the order of a row's sums is to be that of any number of rows: lanes that would suit the most.
    /// - Returns: nil for rows that lanes cannot take apart, an odd number of chunks.
    init?(
        _ operation: LinearOperation, _ shape: MatvecShape, subgroupSize: Int, registers: Int, splices: Bool, rounds: Bool = false,
        isInvariant: Bool = false
    ) {
        self.splices = splices
        let (channels, dtype) = (operation.inputChannels, operation.weight.dtype)
        let isQuantised = dtype.isQuantised
        guard !isQuantised || channels % 64 == 0 else { return nil }
        // Eight rows have sums, and loads of x, that only devices with many registers hold beside the weights.
        let mostRows = registers < 200 ? 4 : 8
        rows = min(LinearKernel.tileRows(operation.rows), mostRows)
        // What a lane multiplies, and in which order, follows from the pieces it takes and from the lanes.
        let laidOutRows = isInvariant ? mostRows : rows
        isInGroups = WeightLayout(dtype).map { channels % ($0.groupBlocks * dtype.blockElements) == 0 } ?? false

        var (outputs, unroll) = (shape.outputs, shape.unroll)
        if isQuantised { unroll = channels % 128 == 0 && unroll > 1 ? 4 : 2 }
        while outputs > 1, Self.registers(rows, outputs, unroll, dtype, rounds) > registers { outputs /= 2 }
        if isQuantised, Self.registers(laidOutRows, 1, unroll, dtype, rounds) > registers { unroll = 2 }
        (self.outputs, self.unroll) = (outputs, unroll)

        // As many lanes as are busy most of the time, the most of those.
        let pieces = isQuantised ? channels / 16 / unroll : (channels / 8 + unroll - 1) / unroll
        func share(_ lanes: Int) -> Double { Double(pieces) / Double((pieces + lanes - 1) / lanes * lanes) }
        let shares = (rounds ? [1, 2, 4, 8] : [1, 2, 4]).map { subgroupSize / $0 }
        // What all lanes multiply at a time is rounded at a time.
        let piece = 16 * unroll
        let most = rounds ? Self.sectionBytes / Self.roundedBytes(rows: laidOutRows, channels: piece, unroll) : subgroupSize
        let counts = shares.filter { $0 >= min(8, subgroupSize) && $0 <= most }
        let best = counts.max { share($0) < share($1) - 0.1 } ?? shares.last!
        lanes = best == subgroupSize ? 0 : best
        let steps = (channels + piece * best - 1) / (piece * best)
        section = rounds ? piece * best * max(1, min(steps, most / best)) : 0
    }

    /// The registers of a lane: the words of each output that are on their way and those at hand, its sixteen decoded weights and its sums; where
    /// weights stay integers, four words of them and eight of each row of x. As compilers of Mesa 26 (ACO, NAK, Intel's, agx) took and spilled
    /// them.
    private static func registers(_ rows: Int, _ outputs: Int, _ unroll: Int, _ dtype: DType, _ rounds: Bool) -> Int {
        let words = dtype.isQuantised ? unroll * 16 * dtype.blockBytes / dtype.blockElements / 4 + 2 : unroll * dtype.blockBytes
        return outputs * (2 * words + (rounds ? 4 : 16) + 5 * rows) + (rounds ? 8 * rows : 0) + 20
    }

    /// Specialization constants from 4 on.
    var constants: [UInt32] {
        [UInt32(rows), UInt32(outputs), UInt32(unroll), UInt32(lanes), isInGroups ? 1 : 0, section > 0 ? UInt32(section) : splices ? 1 : 0]
    }
}

// MARK: Rounded activations

extension MatvecTile {
    /// Six work-groups have room in the 64 KiB of a processor.
    private static let sectionBytes = 10_240

    /// What rounded channels take of it: two bytes each, and for each chunk of a half piece a scale and a sum, of which four lie together.
    private static func roundedBytes(rows: Int, channels: Int, _ unroll: Int) -> Int { rows * channels * (2 * unroll + 2) / unroll }

    /// The invocations of a work-group. Rounding takes some 12 instructions for an element of x, in the place of each of which a group has as many
    /// weights as outputs: 16 at least, where lanes of 64 would have eight, and 32 where there are work-groups enough without.
    /// - Parameters:
    ///   - outputTiles: For each tile of rows.
    ///   - processors: That work-groups are dealt out to.
    func groupInvocations(rowTiles: Int, outputTiles: Int, subgroupSize: Int, processors: Int) -> Int {
        let (usual, most) = (128, 256)
        guard section > 0 else { return usual }
        let lanes = lanes == 0 ? subgroupSize : lanes
        if rowTiles * outputTiles * lanes >= most * processors { return most }
        return max(usual, min(most, 16 / outputs * lanes))
    }
}
