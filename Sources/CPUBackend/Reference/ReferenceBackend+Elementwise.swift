import Tensors

extension ReferenceBackend {
    public func elementwise(_ operation: ElementwiseOperation) throws {
        var operands = FloatOperands(memory, operation.function.name)
        let inputs = try operation.operands.map { try operands.input($0) }
        let output = try operands.output(operation.output)
        let walk = operation.walk
        var starts = [Int](repeating: 0, count: inputs.count + 1)
        for stretch in 0..<walk.stretches {
            walk.start(ofStretch: stretch, into: &starts)
            for index in 0..<walk.innerExtent {
                let values = inputs.indices.map { Double(inputs[$0][starts[$0] + index * walk.innerStep($0)]) }
                output[starts[inputs.count] + index] = Float(operation.function(values))
            }
        }
        try operands.finish()
    }
}

extension ElementwiseFunction {
    /// The value for as many arguments as there are operands.
    fileprivate func callAsFunction(_ x: [Double]) -> Double {
        switch self {
        case .activation(let activation): activation(x[0])
        case .scale(let factor, let offset): Double(factor) * x[0] + Double(offset)
        // Comparisons with NaN are false, so that it stays.
        case .clamp(let low, let high): x[0] < Double(low) ? Double(low) : x[0] > Double(high) ? Double(high) : x[0]
        case .add: x[0] + x[1]
        case .subtract: x[0] - x[1]
        case .multiply: x[0] * x[1]
        case .gatedProduct(let activation): activation(x[0]) * x[1]
        case .multiplyAdd(let offset): x[0] * (Double(offset) + x[1]) + x[2]
        }
    }
}
