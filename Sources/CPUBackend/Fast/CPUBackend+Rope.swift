import Tensors

extension CPUBackend {
    public func rope(_ operation: RopeOperation) throws {
        let name = "rope"
        let pairs = operation.dimensions / 2
        let positions = UnsafeBufferPointer(start: try integers(of: operation.positions, name), count: operation.x.shape[0])
        let factors = UnsafeBufferPointer(
            start: try operation.frequencyFactors.map { try floats(of: $0, name) }, count: operation.frequencyFactors == nil ? 0 : pairs)
        let (dimensions, base) = (operation.dimensions, operation.base)
        let turn = try Turn(operation.x, operation.output, pairs: pairs, operation.layout, self, name)
        try perform { [self] in
            angles.withAngles(positions: positions, factors: factors, dimensions: dimensions, base: base) {
                rotate(turn, $0, $1, rows: positions.count)
            }
            try turn.operands.finish()
        }
    }

    public func rotation(_ operation: RotationOperation) throws {
        let name = "rope"
        let (cosines, sines) = (try floats(of: operation.cosines, name), try floats(of: operation.sines, name))
        let rows = operation.cosines.shape[0]
        let turn = try Turn(operation.x, operation.output, pairs: operation.cosines.shape[1], operation.layout, self, name)
        try perform { [self] in
            rotate(turn, cosines, sines, rows: rows)
            try turn.operands.finish()
        }
    }

    /// - Parameter rows: The rows of angles, which repeat.
    private func rotate(_ turn: Turn, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, rows: Int) {
        let (heads, channels) = (turn.heads, turn.channels)
        workers.ranges(turn.rows, cost: 2 * heads * channels) { range, _ in
            for row in range {
                let angles = row % rows * turn.pairs
                for head in row * heads..<(row + 1) * heads {
                    kernels.pointee.rope(
                        turn.values + head * channels, cosines + angles, sines + angles, turn.pairs, channels, turn.isInterleaved,
                        turn.turned + head * channels)
                }
            }
        }
    }
}

/// What a rotary embedding reads and writes, `[rows, heads, channels]`.
private struct Turn {
    private(set) var operands: FloatOperands
    let values, turned: UnsafeMutablePointer<Float>
    let rows, heads, channels, pairs: Int
    let isInterleaved: Bool

    init(_ x: Tensor, _ output: Tensor, pairs: Int, _ layout: RopeLayout, _ backend: CPUBackend, _ operation: String) throws {
        operands = backend.operands(operation)
        values = try operands.input(x)
        turned = try operands.output(output)
        (rows, heads, channels, self.pairs) = (x.shape[0], x.shape[1], x.shape[2], pairs)
        isInterleaved = layout == .interleaved
    }
}
