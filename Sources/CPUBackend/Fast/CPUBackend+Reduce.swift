import Tensors

extension CPUBackend {
    public func reduce(_ operation: ReduceOperation) throws {
        try requireRepetition()
        var operands = operands("reduce")
        let x = UnsafePointer(try operands.input(operation.x))
        let output = try operands.output(operation.output)
        let (extent, inner, reduction) = (operation.extent, operation.inner, operation.reduction)
        // Pieces of the inner axis that stay in the nearest cache while the rows go by.
        let width = min(inner, 512)
        let pieces = (inner + width - 1) / width
        workers.ranges(operation.outer * pieces, cost: extent * width) { range, _ in
            for piece in range {
                let (outer, first) = (piece / pieces, piece % pieces * width)
                let start = x + outer * extent * inner + first
                let result = output + outer * inner + first
                if inner == 1 {
                    result.pointee = reduction.reduce(start, extent)
                } else {
                    reduction.reduceRows(start, extent, apart: inner, min(width, inner - first), result)
                }
            }
        }
        try operands.finish()
    }
}

extension Reduction {
    private typealias Lanes = SIMD8<Float>

    /// What two values leave of themselves; NaN where one is.
    private func extreme(_ a: Float, _ b: Float) -> Float {
        if self == .max ? b > a : b < a { return b }
        return b.isNaN ? b : a
    }

    private func finished(_ sum: Double, _ count: Int) -> Float { Float(self == .mean ? sum / Double(count) : sum) }

    /// One value for `count` neighbours.
    fileprivate func reduce(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        switch self {
        case .mean, .sum:
            var sums = SIMD8<Double>()
            let whole = count - count % Lanes.scalarCount
            for index in stride(from: 0, to: whole, by: Lanes.scalarCount) {
                sums += SIMD8<Double>(UnsafeRawPointer(x + index).loadUnaligned(as: Lanes.self))
            }
            return finished((whole..<count).reduce(sums.sum()) { $0 + Double(x[$1]) }, count)
        case .max, .min: return (1..<count).reduce(x[0]) { extreme($0, x[$1]) }
        }
    }

    /// One value for each of `width` columns of `count` rows.
    fileprivate func reduceRows(
        _ x: UnsafePointer<Float>, _ count: Int, apart stride: Int, _ width: Int, _ output: UnsafeMutablePointer<Float>
    ) {
        switch self {
        case .mean, .sum:
            withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { sums in
                sums.initialize(repeating: 0)
                for row in 0..<count {
                    let values = x + row * stride
                    for column in 0..<width { sums[column] += Double(values[column]) }
                }
                for column in 0..<width { output[column] = finished(sums[column], count) }
            }
        case .max, .min:
            output.update(from: x, count: width)
            for row in 1..<count {
                let values = x + row * stride
                for column in 0..<width { output[column] = extreme(output[column], values[column]) }
            }
        }
    }
}
