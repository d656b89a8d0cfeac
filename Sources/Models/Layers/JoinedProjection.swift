import Tensors

/// A linear layer whose result is several things one after the other, such as queries, keys and values, in models that keep them in one
/// matrix.
///
/// The parts are computed as a group of layers of their own, and put together only where something happens at the site.
struct JoinedProjection {
    /// Without maps: those of the site act on all parts together.
    let parts: [LinearFactor]
    let site: Site

    /// - Parameter x: `[rows, inputs]`.
    /// - Returns: `[rows, outputs]` of each part.
    func callAsFunction(_ x: Tensor, _ context: ForwardContext) throws -> [Tensor] {
        let products = try context.backend.linears(x, parts)
        guard context.acts(at: site) else { return products }
        let whole = try context.visit(context.backend.concat(products, axis: -1), at: site)
        return try context.backend.split(whole, axis: -1, into: parts.map { $0.weight.shape[0] })
    }
}

/// Linear layers of one activation.
enum ProjectionGroup {
    /// Each with a site of its own.
    case separate([Projection])
    case joined(JoinedProjection)

    /// - Returns: `[rows, outputs]` of each, in their order.
    func callAsFunction(_ x: Tensor, _ context: ForwardContext) throws -> [Tensor] {
        switch self {
        case .separate(let projections): try context.linears(x, projections)
        case .joined(let projection): try projection(x, context)
        }
    }

    /// `activation(first(x)) · second(x)`.
    func gatedProduct(_ x: Tensor, _ activation: Activation, _ context: ForwardContext) throws -> Tensor {
        switch self {
        case .separate(let projections):
            return try context.gatedLinear(x, gate: projections[0], up: projections[1], activation: activation)
        case .joined(let projection):
            guard context.acts(at: projection.site) else {
                return try context.backend.gatedLinear(x, gate: projection.parts[0], up: projection.parts[1], activation: activation)
            }
            let products = try projection(x, context)
            return try context.backend.gatedProduct(gate: products[0], up: products[1], activation: activation, into: products[0])
        }
    }
}
