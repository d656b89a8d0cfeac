import CSimd
import Tensors

/// A walk from a source to a destination as planes of two axes, each cut into blocks that one call of a kernel moves.
struct CopyPlanes {
    /// Its stretches are the planes.
    private let walk: StridedWalk
    private let rows, columns: Int
    private let blockRows, blockColumns: Int
    private let columnBlocks: Int
    private let blocksOfPlane: Int
    let source, destination: monge_steps

    /// A block of a plane: the elements at which it begins, and its extents.
    struct Block {
        let source, destination: Int
        let rows, columns: Int
    }

    /// About how many elements a block that is copied row by row has: enough that finding its place costs little.
    private static let copied = 8192
    /// The most elements of a transposed block along the side whose lines are further apart, and along the other. Lines far apart are few
    /// pages and long runs in each; a block of either type stays in the second-level cache.
    private static let (run, lines) = (256, 128)

    /// - Parameter walk: Over the source, then the destination.
    init(_ walk: StridedWalk) {
        let outer = walk.extents.indices.dropLast()
        let isTransposed = walk.innerStep(0) > 1 && walk.innerStep(1) == 1
        let transposed = isTransposed ? outer.first { walk.steps[0][$0] == 1 } : nil
        // Rows may be any axis: the longest makes the fewest planes.
        let axis = transposed ?? outer.max { walk.extents[$0] < walk.extents[$1] }
        func steps(_ operand: Int) -> monge_steps {
            monge_steps(row: axis.map { walk.steps[operand][$0] } ?? 0, column: walk.innerStep(operand))
        }
        (source, destination) = (steps(0), steps(1))
        (rows, columns) = (axis.map { walk.extents[$0] } ?? 1, walk.innerExtent)
        if transposed != nil {
            let isFurther = destination.row > source.column
            (blockRows, blockColumns) = isFurther ? (Self.lines, Self.run) : (Self.run, Self.lines)
        } else {
            blockColumns = min(columns, Self.copied)
            blockRows = Self.copied / blockColumns
        }
        columnBlocks = (columns + blockColumns - 1) / blockColumns
        blocksOfPlane = (rows + blockRows - 1) / blockRows * columnBlocks
        let others = outer.filter { $0 != axis }
        self.walk = StridedWalk(
            others.map { walk.extents[$0] },
            operands: walk.offsets.indices.map { operand in (walk.offsets[operand], others.map { walk.steps[operand][$0] }) }
        ).appendingUnitAxis()
    }

    /// The blocks of all planes.
    var blocks: Int { walk.stretches * blocksOfPlane }

    /// The most elements of a block.
    var blockElements: Int { min(rows, blockRows) * min(columns, blockColumns) }

    /// Calls `body` with some of the blocks.
    func forEach(_ range: Range<Int>, _ body: (Block) -> Void) {
        var starts = walk.offsets
        var current = -1
        for index in range {
            let (plane, place) = index.quotientAndRemainder(dividingBy: blocksOfPlane)
            if plane != current { walk.start(ofStretch: plane, into: &starts) }
            current = plane
            let row = place / columnBlocks * blockRows, column = place % columnBlocks * blockColumns
            body(
                Block(
                    source: starts[0] + row * source.row + column * source.column,
                    destination: starts[1] + row * destination.row + column * destination.column,
                    rows: min(blockRows, rows - row), columns: min(blockColumns, columns - column)))
        }
    }
}
