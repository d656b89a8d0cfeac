/// A function of the elements at one place of up to three activations.
public enum ElementwiseFunction: Sendable, Hashable {
    /// f(a)
    case activation(Activation)
    /// factor · a + offset
    case scale(factor: Float, offset: Float)
    /// low where a < low, high where a > high, else a; NaN stays NaN.
    case clamp(low: Float, high: Float)
    /// a + b
    case add
    /// a − b
    case subtract
    /// a · b
    case multiply
    /// f(a) · b
    case gatedProduct(Activation)
    /// a · (offset + b) + c
    case multiplyAdd(offset: Float)

    /// How many activations it is a function of.
    public var operandCount: Int {
        switch self {
        case .activation, .scale, .clamp: 1
        case .add, .subtract, .multiply, .gatedProduct: 2
        case .multiplyAdd: 3
        }
    }

    /// The name of the backend's method.
    public var name: String {
        switch self {
        case .activation: "activation"
        case .scale: "scale"
        case .clamp: "clamp"
        case .add: "add"
        case .subtract: "subtract"
        case .multiply: "multiply"
        case .gatedProduct: "gatedProduct"
        case .multiplyAdd: "multiplyAdd"
        }
    }
}

/// A validated elementwise function of one to three activations: `y = f(a, b, c)` at every place of the output.
public struct ElementwiseOperation {
    public let function: ElementwiseFunction
    /// f32 or f16.
    public let operands: [Tensor]
    /// f32 or f16. May be an operand that has an element of its own for each place of it.
    public let output: Tensor
    /// Over the operands in order, then the output. The inner step of an operand is 0 or 1, that of the output 1.
    public let walk: StridedWalk
}

extension Backend {
    /// The function of operands that are broadcast to one shape.
    /// - Parameter dtype: The type of the result; nil for the output's, or that of the first operand.
    func elementwise(
        _ function: ElementwiseFunction, _ operands: [(tensor: Tensor, what: String)], as dtype: DType? = nil, into output: Tensor?
    ) throws -> Tensor {
        let name = function.name
        for (tensor, what) in operands { try Validation.requireActivation(tensor, what, name) }
        let dtype = try Validation.resultType(dtype, output, usual: operands[0].tensor.dtype, name)
        func described() -> String { operands.map { "\($0.what) \($0.tensor.shape)" }.joined(separator: ", ") }
        guard let shape = Shape.broadcast(operands.map(\.tensor.shape)) else {
            throw TensorError.shapeMismatch(
                operation: name, detail: "\(described()) cannot be broadcast to one shape: extents of an axis are equal or 1")
        }
        let result = try Validation.output(output, shape, dtype, self, name, reading: operands.map { .inPlace($0.tensor, $0.what) })
        if shape.count == 0 { return result }
        // The shape was made to fit.
        let steps = operands.map { $0.tensor.shape.steps(broadcastTo: shape)! } + [shape.steps]
        let walk = StridedWalk(shape.dimensions, operands: steps.map { (0, $0) })
        try Validation.requireAxes(walk, name, described())
        try elementwise(ElementwiseOperation(function: function, operands: operands.map(\.tensor), output: result, walk: walk))
        return result
    }
}
