import Tensors

extension ReferenceBackend {
    public func reduce(_ operation: ReduceOperation) throws {
        var operands = FloatOperands(memory, "reduce")
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let (extent, inner) = (operation.extent, operation.inner)
        for outer in 0..<operation.outer {
            for column in 0..<inner {
                let values = (0..<extent).map { Double(x[(outer * extent + $0) * inner + column]) }
                output[outer * inner + column] = Float(operation.reduction(values))
            }
        }
        try operands.finish()
    }
}

extension Reduction {
    /// One value for those of a column, of which there is at least one.
    fileprivate func callAsFunction(_ values: [Double]) -> Double {
        switch self {
        case .mean: values.reduce(0, +) / Double(values.count)
        case .sum: values.reduce(0, +)
        case .max: values.contains(where: \.isNaN) ? .nan : values.max()!
        case .min: values.contains(where: \.isNaN) ? .nan : values.min()!
        }
    }
}
