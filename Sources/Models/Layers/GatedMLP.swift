import Tensors

/// A gated MLP (Shazeer 2020): down(activation(gate(x)) · up(x)).
///
/// It comes in two halves, between which a pass can wait.
struct GatedMLP {
    let gate, up, down: Projection
    let activation: Activation

    var projections: [Projection] { [gate, up, down] }

    /// The first half: `[rows, hidden]` → `[rows, intermediate]`.
    func product(_ x: Tensor, _ context: ForwardContext) throws -> Tensor {
        try context.gatedLinear(x, gate: gate, up: up, activation: activation)
    }
}
