import Tensors

/// Projections of one activation, whose products a device may compute together.
///
/// Where a tap sees one of them, where a pass holds one already, or where several maps act on one, each is computed on its own.
extension ForwardContext {
    /// The results of several projections of x, in their order.
    func linears(_ x: Tensor, _ projections: [Projection]) throws -> [Tensor] {
        if let factors = factors(projections, on: x.shape) { return try backend.linears(x, factors) }
        return try projections.map { try $0(x, self) }
    }

    /// `activation(gate(x)) · up(x)`.
    func gatedLinear(_ x: Tensor, gate: Projection, up: Projection, activation: Activation) throws -> Tensor {
        if let factors = factors([gate, up], on: x.shape) {
            return try backend.gatedLinear(x, gate: factors[0], up: factors[1], activation: activation)
        }
        let products = try linears(x, [gate, up])
        return try backend.gatedProduct(gate: products[0], up: products[1], activation: activation, into: products[0])
    }

    /// The projections with the maps of their sites; nil where one has to be computed on its own.
    private func factors(_ projections: [Projection], on shape: Shape) -> [LinearFactor]? {
        guard projections.allSatisfy({ isFusable($0.site) }) else { return nil }
        return projections.map { projection in
            LinearFactor(
                weight: projection.weight, bias: projection.bias, transport: installed(at: projection.site, on: shape).first)
        }
    }
}
