import Tensors

/// What an encoder of texts begins with: the sum of the embeddings of a token, of its position and of the kind of its text, normed.
struct TextEmbedding {
    /// A table and the site of its rows.
    struct Table {
        let table: Tensor
        let site: Site

        func callAsFunction(_ indices: [Int32], _ context: ForwardContext) throws -> Tensor {
            try self(context.backend.upload(indices), context)
        }

        func callAsFunction(_ indices: Tensor, _ context: ForwardContext) throws -> Tensor {
            try context.visit(context.backend.embedding(indices, table: table), at: site)
        }
    }

    private let words: Table
    /// Nil where the family knows no kinds of texts; all texts are of the first.
    private let kinds: Table?
    private let positions: Table
    private let norm: LayerNormLayer
    private let paddingToken: Int?

    /// The module `embeddings`, where the loader stands.
    init(_ c: TextEncoderConfiguration, _ m: LayerLoader) throws {
        func table(_ name: String, rows: Int) throws -> Table {
            Table(table: try m[name].table(rows: rows, columns: c.hidden), site: m[name].site(c.hidden))
        }
        words = try table("word_embeddings", rows: c.vocabulary)
        kinds = try c.tokenKinds.map { try table("token_type_embeddings", rows: $0) }
        positions = try table("position_embeddings", rows: c.positions)
        norm = try m.layerNorm("LayerNorm", c.hidden)
        paddingToken = c.paddingToken
    }

    /// `[rows, hidden]` f32.
    /// - Parameter texts: The batch's tokens.
    func callAsFunction(_ batch: TokenBatch, _ texts: [[Int32]], _ context: ForwardContext) throws -> Tensor {
        var x = try words(batch.tokens, context)
        if let kinds { x = try context.backend.add(x, kinds([Int32](repeating: 0, count: batch.rowCount), context)) }
        x = try context.backend.add(x, positions(texts.flatMap { places(of: $0) }, context))
        return try norm(x, context)
    }

    /// The positions of a text's tokens. Where the padding token has a position of its own (RoBERTa), others are counted on from it, past any
    /// such token within the text.
    func places(of text: [Int32]) -> [Int32] {
        guard let paddingToken else { return text.indices.map(Int32.init) }
        var place = Int32(paddingToken)
        return text.map { token in
            if token == Int32(paddingToken) { return Int32(paddingToken) }
            place += 1
            return place
        }
    }
}
