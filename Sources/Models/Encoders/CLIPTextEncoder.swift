import ModelFiles
import Tensors

/// The text encoder of CLIP (Radford et al. 2021): a causal transformer with learnt positions.
///
/// It reads like `CLIPTextModel` and `CLIPTextModelWithProjection` of transformers, and its sites have that code's module paths, whether or
/// not the file has the part `text_model.`, which newer versions leave out.
public final class CLIPTextEncoder: StagedNetwork {
    /// A forward pass between two stages.
    public struct State: StagedState {
        /// `[texts, tokens, channels]` f32: the residual stream.
        var hidden: Tensor
        /// What the next stage projects back to the residual stream.
        var inner: Tensor?
        /// The residual stream before the last layer.
        var penultimate: Tensor?
        /// The row of each text's end token, over all texts.
        let endRows: [Int32]
        package var stage = 0

        /// What waits in device memory.
        package var tensors: [Tensor] {
            get { [hidden] + [inner, penultimate].compactMap { $0 } }
            set {
                var rest = newValue[...]
                hidden = rest.removeFirst()
                if inner != nil { inner = rest.removeFirst() }
                if penultimate != nil { penultimate = rest.removeFirst() }
            }
        }
    }

    /// What a text becomes.
    public struct Encoding {
        /// `[texts, tokens, channels]` f32, after the last norm.
        public var last: Tensor
        /// `[texts, tokens, channels]` f32: the residual stream before the last layer.
        public var penultimate: Tensor
        /// `[texts, projection]` f32: the end token's, projected; nil without a projection.
        public var projected: Tensor?
    }

    public let configuration: CLIPTextConfiguration
    private let tokens, positions: LayerWeight
    private let embeddingSite: Site?
    private let layers: [Layer]
    private let norm: LayerNormLayer
    private let projection: LinearLayer?
    private let activations: DType
    package let stages: [Stage]

    private struct Layer {
        let norm1, norm2: LayerNormLayer
        let query, key, value, output, first, second: LinearLayer
        let outputSite, secondSite, site: Site?
    }

    /// - Parameters:
    ///   - sitePath: What the encoder is called in the model: `text_encoder`.
    ///   - activations: What norms write and products read, f32 or f16; the residual stream is f32.
    init(
        _ c: CLIPTextConfiguration, weights: any WeightSource, sitePath: String, register: SiteRegister, activations: DType,
        in store: ComponentStore
    ) throws {
        configuration = c
        self.activations = activations
        register.add(extents: [c.vocabulary, c.positions, c.channels, c.layers, c.heads, c.intermediate])
        let inner = "text_model"
        let isNested = try weights.layout("\(inner).embeddings.token_embedding.weight") != nil
        let m = ModuleLoader(
            weights, prefix: isNested ? inner : "", sitePath: "\(sitePath).\(inner)", register: register, in: store)
        tokens = try m["embeddings"]["token_embedding"].table("weight", rows: c.vocabulary, columns: c.channels)
        positions = try m["embeddings"]["position_embedding"].table("weight", rows: c.positions, columns: c.channels)
        embeddingSite = m["embeddings"].site(c.channels)
        layers = try (0..<c.layers).map { index in
            let l = m["encoder"]["layers", index]
            let attention = l["self_attn"]
            let norm1 = try l["layer_norm1"].layerNorm(c.channels, epsilon: c.normEpsilon)
            let query = try attention["q_proj"].linear(c.channels, c.channels)
            let key = try attention["k_proj"].linear(c.channels, c.channels)
            let value = try attention["v_proj"].linear(c.channels, c.channels)
            let output = try attention["out_proj"].linear(c.channels, c.channels)
            let outputSite = attention["out_proj"].site(c.channels)
            let norm2 = try l["layer_norm2"].layerNorm(c.channels, epsilon: c.normEpsilon)
            let first = try l["mlp"]["fc1"].linear(c.channels, c.intermediate)
            let second = try l["mlp"]["fc2"].linear(c.intermediate, c.channels)
            return Layer(
                norm1: norm1, norm2: norm2, query: query, key: key, value: value, output: output, first: first, second: second,
                outputSite: outputSite, secondSite: l["mlp"]["fc2"].site(c.channels), site: l.site(c.channels))
        }
        norm = try m["final_layer_norm"].layerNorm(c.channels, epsilon: c.normEpsilon)
        projection = try c.projection.map {
            try ModuleLoader(weights, sitePath: sitePath, register: register, in: store)["text_projection"]
                .linear(c.channels, $0, bias: false)
        }
        let segments = SegmentCache()
        let last = layers.count - 1
        stages =
            [{ [embeddingSite] s, context in s.hidden = try context.visit(s.hidden, at: embeddingSite) }]
            + layers.enumerated().flatMap { index, layer in
                Self.stages(of: layer, c, segments, activations, isLast: index == last)
            } + [{ [norm] s, context in s.hidden = try norm(s.hidden, as: .f32, context) }]
    }

    private static func stages(
        of layer: Layer, _ c: CLIPTextConfiguration, _ segments: SegmentCache, _ activations: DType, isLast: Bool
    ) -> [Stage] {
        [
            { s, context in
                let backend = context.backend
                let normed = try layer.norm1(s.hidden, as: activations, context)
                if isLast { s.penultimate = s.hidden }
                let (texts, tokens) = (s.hidden.shape[0], s.hidden.shape[1])
                let heads: Shape = [texts, tokens, c.heads, c.channels / c.heads]
                s.inner = try backend.attention(
                    layer.query(normed, on: backend).reshaped([texts * tokens, heads[2], heads[3]]),
                    keys: layer.key(normed, on: backend).reshaped(heads), values: layer.value(normed, on: backend).reshaped(heads),
                    segments: segments.segments(batch: texts, queries: tokens, keys: tokens, on: backend), causal: true
                ).reshaped(s.hidden.shape)
            },
            { s, context in
                s.hidden = try project(s.inner!, by: layer.output, at: layer.outputSite, to: s.hidden, context)
                s.inner = nil
            },
            { s, context in
                let normed = try layer.norm2(s.hidden, as: activations, context)
                s.inner = try layer.first(normed, activation: c.activation, on: context.backend)
            },
            { s, context in
                s.hidden = try project(s.inner!, by: layer.second, at: layer.secondSite, to: s.hidden, context)
                s.inner = nil
            },
            { s, context in s.hidden = try context.visit(s.hidden, at: layer.site) },
        ]
    }

    /// Back to the residual stream, which is f32.
    private static func project(
        _ x: Tensor, by layer: LinearLayer, at site: Site?, to residual: Tensor, _ context: ForwardContext
    ) throws -> Tensor {
        guard let site else { return try layer(x, residual: residual, as: residual.dtype, on: context.backend) }
        return try context.linear(
            x, weight: layer.weight(on: context.backend), bias: layer.bias, residual: residual, as: residual.dtype, at: site)
    }

    /// Embeds texts: the state before the first stage.
    /// - Parameter texts: At least one, all of one length.
    public func begin(_ texts: [[Int32]], on backend: any Backend) throws -> State {
        let length = texts[0].count
        precondition(length > 0 && texts.allSatisfy { $0.count == length }, "texts are padded to one length")
        guard length <= configuration.positions else {
            throw ModelError.invalidConfiguration(
                "a text of \(length) tokens was given to a text encoder of \(configuration.positions) positions")
        }
        // A device would read beyond the table.
        if let token = texts.joined().first(where: { $0 < 0 || $0 >= configuration.vocabulary }) {
            throw ModelError.tokenOutOfRange(Int(token), vocabulary: configuration.vocabulary)
        }
        let embedded = try backend.embedding(backend.upload(texts.flatMap { $0 }), table: tokens(on: backend))
            .reshaped([texts.count, length, configuration.channels])
        let placed = try backend.embedding(backend.upload((0..<Int32(length)).map { $0 }), table: positions(on: backend))
        let ends = texts.enumerated().map { index, text in
            let end =
                configuration.endToken.map { text.firstIndex(of: $0) ?? 0 } ?? text.indices.max { (text[$0], -$0) < (text[$1], -$1) }!
            return Int32(index * length + end)
        }
        return State(hidden: try backend.add(embedded, placed), endRows: ends)
    }

    /// The result of a pass whose stages are all done.
    public func finish(_ state: State, on backend: any Backend) throws -> Encoding {
        let projected = try projection.map { try $0(pooled(state, on: backend), on: backend) }
        return Encoding(last: state.hidden, penultimate: state.penultimate!, projected: projected)
    }

    /// `[texts, channels]` f32: the end token's, after the last norm, of a pass whose stages are all done.
    func pooled(_ state: State, on backend: any Backend) throws -> Tensor {
        let rows = try state.hidden.reshaped([state.hidden.shape.rows, configuration.channels])
        return try backend.gatherRows(rows, at: backend.upload(state.endRows))
    }

    /// Encodes texts.
    /// - Parameter texts: The tokens of each, all of one length.
    public func callAsFunction(_ texts: [[Int32]], _ context: ForwardContext) throws -> Encoding {
        try finish(run(begin(texts, on: context.backend), context: context), on: context.backend)
    }
}
