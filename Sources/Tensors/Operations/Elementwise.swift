/// A validated ``Backend/gatedProduct(gate:up:activation:into:)``.
public struct GatedProductOperation {
    public let gate: Tensor
    public let up: Tensor
    public let activation: Activation
    /// May alias either input.
    public let output: Tensor
}

/// A validated ``Backend/add(_:_:into:)``.
public struct AddOperation {
    public let a: Tensor
    public let b: Tensor
    /// May alias either input.
    public let output: Tensor
}

extension Backend {
    /// `activation(gate) · up`, element by element (GLU variants, Shazeer 2020). Both f32 and of one shape.
    public func gatedProduct(gate: Tensor, up: Tensor, activation: Activation, into output: Tensor? = nil) throws -> Tensor {
        let name = "gatedProduct"
        try Validation.requireType(gate, .f32, "the gate", name)
        try Validation.requireType(up, .f32, "up", name)
        try Validation.require(gate.shape == up.shape, name, "gate \(gate.shape) does not match up \(up.shape)")
        let result = try Validation.output(output, gate.shape, .f32, self, name)
        if gate.shape.count == 0 { return result }
        try gatedProduct(GatedProductOperation(gate: gate, up: up, activation: activation, output: result))
        return result
    }

    /// `a + b`, element by element. Both of one type, f32 or f16, and of one shape.
    public func add(_ a: Tensor, _ b: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "add"
        try Validation.requireActivation(a, "a", name)
        try Validation.requireType(b, a.dtype, "b", name)
        try Validation.require(a.shape == b.shape, name, "a \(a.shape) does not match b \(b.shape)")
        let result = try Validation.output(output, a.shape, a.dtype, self, name)
        if a.shape.count == 0 { return result }
        try add(AddOperation(a: a, b: b, output: result))
        return result
    }
}
