import Tensors

extension ReferenceBackend {
    public func argmax(_ operation: ArgmaxOperation) throws {
        let name = "argmax"
        let (rows, count) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operation.output.hostIntegers(name)
        for row in 0..<rows {
            var best = 0
            for index in 1..<max(count, 1) where ordered(x[row * count + index]) > ordered(x[row * count + best]) { best = index }
            output[row] = Int32(best)
        }
        try operands.finish()
    }

    public func topK(_ operation: TopKOperation) throws {
        let name = "topK"
        let (rows, count) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let values = try operation.values.hostFloats(name)
        let indices = try operation.indices.hostIntegers(name)
        for row in 0..<rows {
            let candidates = (0..<count).map { ordered(x[row * count + $0]) }
            let best = candidates.indices.sorted { (candidates[$0], $1) > (candidates[$1], $0) }.prefix(operation.count)
            for (rank, index) in best.enumerated() {
                values[row * operation.count + rank] = candidates[index]
                indices[row * operation.count + rank] = Int32(index)
            }
        }
        try operands.finish()
    }

    /// The value that stands for x in comparisons: NaN counts as −∞.
    private func ordered(_ x: Float) -> Float { x.isNaN ? -.infinity : x }
}
