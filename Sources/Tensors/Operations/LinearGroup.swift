/// A linear layer as one of several that read the same activation.
public struct LinearFactor {
    /// `[N, K]`, any weight type.
    public let weight: Tensor
    /// `[N]` f32.
    public let bias: Tensor?
    /// Acts on the product and its bias; pointwise.
    public let transport: TransportApplication?

    public init(weight: Tensor, bias: Tensor? = nil, transport: TransportApplication? = nil) {
        self.weight = weight
        self.bias = bias
        self.transport = transport
    }
}

extension LinearFactor {
    /// What a product reads besides x.
    fileprivate var reads: [ReadOperand] {
        [.apart(weight, "the weight"), .apart(bias, "the bias"), .transports(transport.map { [$0] } ?? [])]
    }
}

/// A validated ``Backend/gatedLinear(_:gate:up:activation:as:)``.
public struct GatedLinearOperation {
    /// `[…, K]` f32 or f16, seen as `[rows, K]`.
    public let x: Tensor
    public let gate, up: LinearFactor
    public let activation: Activation
    /// `[…, N]` f32 or f16.
    public let output: Tensor

    /// The number of rows of x.
    public var rows: Int { x.shape.rows }
    /// The number of elements that are summed for one output.
    public var inputChannels: Int { gate.weight.shape[1] }
    public var outputChannels: Int { gate.weight.shape[0] }

    /// The product with one of the factors.
    package func product(with factor: LinearFactor, into output: Tensor) -> LinearOperation {
        LinearOperation(
            x: x, weight: factor.weight, bias: factor.bias, activation: .identity, transport: factor.transport, residual: nil,
            output: output)
    }
}

extension Backend {
    /// `T(x · Wᵀ + b)` for several W of the same x, as a transformer's queries, keys and values: what
    /// ``linear(_:weight:bias:epilogue:as:into:)`` gives for each, in one dispatch where a device can.
    ///
    /// - Parameters:
    ///   - x: `[…, K]` f32 or f16.
    ///   - factors: Each with a weight `[N, K]` of its own N.
    ///   - dtype: f32 or f16, the type of the results; nil for those of the outputs, or x's.
    ///   - outputs: Where to write, one for each factor and apart from one another; allocated when nil.
    /// - Returns: `[…, N]` for each factor, in their order.
    public func linears(
        _ x: Tensor, _ factors: [LinearFactor], as dtype: DType? = nil, into outputs: [Tensor]? = nil
    ) throws -> [Tensor] {
        let name = "linears"
        if let outputs {
            try Validation.require(outputs.count == factors.count, name, "\(outputs.count) outputs for \(factors.count) products")
            for (index, output) in outputs.enumerated() {
                try Validation.requireNoAlias(output, outputs[..<index].map { .apart($0, "the output of another product") }, name)
            }
        }
        let operations = try factors.indices.map { index in
            let (factor, output) = (factors[index], outputs?[index])
            let shape = try Validation.linear(x, factor, name)
            return LinearOperation(
                x: x, weight: factor.weight, bias: factor.bias, activation: .identity, transport: factor.transport, residual: nil,
                output: try Validation.output(
                    output, shape, Validation.resultType(dtype, output, usual: x.dtype, name), self, name,
                    reading: [.apart(x, "x")] + factors.flatMap(\.reads)))
        }
        let filled = operations.allSatisfy { $0.output.shape.count > 0 } ? operations : operations.filter { $0.output.shape.count > 0 }
        if !filled.isEmpty { try linears(filled) }
        return operations.map(\.output)
    }

    /// `activation(T(x · Wᵀ + b)) · U(x · Vᵀ + c)`, the first half of a gated MLP (Shazeer 2020): in one dispatch, and without the two products
    /// in memory, where a device can.
    ///
    /// - Parameters:
    ///   - x: `[…, K]` f32 or f16.
    ///   - gate: W `[N, K]`, its bias and its map.
    ///   - up: V `[N, K]`, its bias and its map.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; allocated when nil.
    /// - Returns: `[…, N]`.
    public func gatedLinear(
        _ x: Tensor, gate: LinearFactor, up: LinearFactor, activation: Activation, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "gatedLinear"
        let shape = try Validation.linear(x, gate, name)
        let upShape = try Validation.linear(x, up, name)
        try Validation.require(
            shape == upShape, name, "weights \(gate.weight.shape) of the gate and \(up.weight.shape) of the product, expected the same")
        let output = try Validation.output(
            output, shape, Validation.resultType(dtype, output, usual: x.dtype, name), self, name,
            reading: [.apart(x, "x")] + gate.reads + up.reads)
        if shape.count == 0 { return output }
        try gatedLinear(GatedLinearOperation(x: x, gate: gate, up: up, activation: activation, output: output))
        return output
    }

    /// ``linears(_:)`` one by one.
    package func separateLinears(_ operations: [LinearOperation]) throws {
        for operation in operations { try linear(operation) }
    }

    /// ``gatedLinear(_:)`` by two products and theirs.
    package func separateGatedLinear(_ operation: GatedLinearOperation) throws {
        let gate = operation.output
        let up = try allocate(gate.shape, gate.dtype)
        try linears([operation.product(with: operation.gate, into: gate), operation.product(with: operation.up, into: up)])
        _ = try gatedProduct(gate: gate, up: up, activation: operation.activation, into: gate)
    }
}

extension Validation {
    fileprivate static func linear(_ x: Tensor, _ factor: LinearFactor, _ operation: String) throws -> Shape {
        let shape = try linear(x, weight: factor.weight, bias: factor.bias, operation)
        if let map = factor.transport {
            try transport(map, on: shape, operation)
            try requireNoGates([map], operation)
            _ = try map.affineTable(operation)
            try requireOption(
                map.spatial == .pointwise, operation, "a map of means over pixels in a group of products; use linear for each of them")
        }
        return shape
    }
}
