import Tensors

extension WorkPool {
    /// The most elements of a piece: what a thread keeps in its nearest cache in several copies.
    static let piece = 1024

    /// Calls `body` with pieces of the inner axis that cover a walk once.
    /// - Parameters:
    ///   - cost: About how many floats one element reads or writes.
    ///   - body: Called from several threads at once, with the element of each operand at which a piece begins, its length, at most
    ///     ``piece``, and the number of the thread.
    func pieces(
        of walk: StridedWalk, cost: Int, _ body: (_ starts: [Int], _ length: Int, _ thread: Int) -> Void
    ) {
        let inner = walk.innerExtent
        let each = (inner + Self.piece - 1) / Self.piece
        let operands = walk.offsets.indices
        let steps = operands.map { walk.innerStep($0) }
        ranges(walk.stretches * each, cost: cost * min(inner, Self.piece)) { range, thread in
            var starts = walk.offsets
            var stretch = -1
            for index in range {
                let (next, part) = index.quotientAndRemainder(dividingBy: each)
                if next != stretch || each > 1 {
                    walk.start(ofStretch: next, into: &starts)
                    stretch = next
                }
                let first = part * Self.piece
                if first > 0 { for operand in operands { starts[operand] += first * steps[operand] } }
                body(starts, min(Self.piece, inner - first), thread)
            }
        }
    }
}
