import Tensors

/// The table of embeddings that a decoder begins with, and what is done to a row before the first block.
struct TokenEmbedding {
    /// `[vocabulary, hidden]`
    let table: Tensor
    let site: Site
    /// A factor on the rows, and whether the site has them with it.
    var scale: (factor: Float, isBeforeSite: Bool)?
    /// `[context, hidden]`: what is added by a token's position, and its site.
    var positions: (table: Tensor, site: Site)?

    /// The module at the loader's place.
    init(_ c: DecoderConfiguration, _ m: LayerLoader) throws {
        table = try m.table(rows: c.vocabulary, columns: c.hidden)
        site = m.site(c.hidden)
    }

    /// `[rows, hidden]` f32.
    func callAsFunction(_ batch: TokenBatch, _ context: ForwardContext) throws -> Tensor {
        let backend = context.backend
        var x = try backend.embedding(batch.tokens, table: table)
        if let scale, scale.isBeforeSite { x = try backend.scale(x, by: scale.factor, into: x) }
        x = try context.visit(x, at: site)
        if let scale, !scale.isBeforeSite { x = try backend.scale(x, by: scale.factor) }
        guard let positions else { return x }
        return try backend.add(x, context.visit(backend.embedding(batch.positions, table: positions.table), at: positions.site))
    }
}
