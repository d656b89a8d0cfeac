import Tensors

/// The feed-forward network of a block, in two halves between which a pass can wait: the inner product, and its projection back.
protocol FeedForward {
    /// The second half: `[rows, intermediate]` → `[rows, hidden]`.
    var down: Projection { get }

    /// The first half: `[rows, hidden]` → `[rows, intermediate]`.
    func product(_ x: Tensor, _ context: ForwardContext) throws -> Tensor
}

/// A gated MLP (Shazeer 2020): down(activation(gate(x)) · up(x)).
struct GatedMLP: FeedForward {
    /// Gate and up.
    let input: ProjectionGroup
    let down: Projection
    let activation: Activation

    /// With `gate_proj`, `up_proj` and `down_proj`.
    init(_ c: DecoderConfiguration, _ m: LayerLoader) throws {
        input = .separate([
            try m.projection("gate_proj", inputs: c.hidden, outputs: c.intermediate, bias: c.mlpBias),
            try m.projection("up_proj", inputs: c.hidden, outputs: c.intermediate, bias: c.mlpBias),
        ])
        down = try m.projection("down_proj", inputs: c.intermediate, outputs: c.hidden, bias: c.mlpBias)
        activation = c.activation
    }

    init(input: ProjectionGroup, down: Projection, activation: Activation) {
        (self.input, self.down, self.activation) = (input, down, activation)
    }

    func product(_ x: Tensor, _ context: ForwardContext) throws -> Tensor { try input.gatedProduct(x, activation, context) }
}

/// An MLP of two layers: down(activation(up(x))).
struct PlainMLP: FeedForward {
    let up, down: Projection
    let activation: Activation

    func product(_ x: Tensor, _ context: ForwardContext) throws -> Tensor {
        guard context.acts(at: up.site) else {
            return try context.backend.linear(x, weight: up.weight, bias: up.bias, epilogue: Epilogue(activation: activation))
        }
        return try context.backend.activation(up(x, context), activation)
    }
}
