import Foundation
import ModelFiles
import Tensors

/// The encoder of T5 (Raffel et al. 2020; version 1.1 with gated GELU, Shazeer 2020): attention without positions, to whose scores a number is
/// added for each kind of distance, and norms without a mean.
///
/// It reads like `T5EncoderModel` of transformers, and its sites have that code's module paths. Its activations are f32: T5's leave the range of
/// f16.
public final class T5Encoder: StagedNetwork {
    /// A forward pass between two stages.
    public struct State: StagedState {
        /// `[texts, tokens, channels]` f32: the residual stream.
        var hidden: Tensor
        /// What the next stage projects back to the residual stream.
        var inner: Tensor?
        package var stage = 0

        /// What waits in device memory.
        package var tensors: [Tensor] {
            get { [hidden] + [inner].compactMap { $0 } }
            set {
                hidden = newValue[0]
                if inner != nil { inner = newValue[1] }
            }
        }
    }

    public let configuration: T5Configuration
    private let tokens: LayerWeight
    private let biases: DistanceBiases
    package let stages: [Stage]

    private struct Layer {
        let norm1, norm2: RMSNormLayer
        let query, key, value, output, first, second: LinearLayer
        let gate: LinearLayer?
        let outputSite, secondSite, site: Site?
    }

    /// - Parameter sitePath: What the encoder is called in the model: `text_encoder_2`.
    init(_ c: T5Configuration, weights: any WeightSource, sitePath: String, register: SiteRegister, in store: ComponentStore) throws {
        configuration = c
        register.add(extents: [c.vocabulary, c.channels, c.layers, c.heads, c.headChannels, c.intermediate])
        let top = ModuleLoader(weights, sitePath: sitePath, register: register, in: store)
        let embedding = try top.contains("shared.weight") ? top["shared"] : top["encoder"]["embed_tokens"]
        tokens = try embedding.table("weight", rows: c.vocabulary, columns: c.channels)
        let m = top["encoder"]
        let biases = try DistanceBiases(c, m["block", 0]["layer", 0]["SelfAttention"]["relative_attention_bias"])
        self.biases = biases
        let width = c.heads * c.headChannels
        let layers = try (0..<c.layers).map { index in
            let block = m["block", index]
            let attention = block["layer", 0]["SelfAttention"]
            let mlp = block["layer", 1]["DenseReluDense"]
            let norm1 = try block["layer", 0]["layer_norm"].rmsNorm(c.channels, epsilon: c.normEpsilon)
            let query = try attention["q"].linear(c.channels, width, bias: false)
            let key = try attention["k"].linear(c.channels, width, bias: false)
            let value = try attention["v"].linear(c.channels, width, bias: false)
            let output = try attention["o"].linear(width, c.channels, bias: false)
            let outputSite = attention["o"].site(c.channels)
            let norm2 = try block["layer", 1]["layer_norm"].rmsNorm(c.channels, epsilon: c.normEpsilon)
            let gate = c.isGated ? try mlp["wi_0"].linear(c.channels, c.intermediate, bias: false) : nil
            let first = try mlp[c.isGated ? "wi_1" : "wi"].linear(c.channels, c.intermediate, bias: false)
            let second = try mlp["wo"].linear(c.intermediate, c.channels, bias: false)
            return Layer(
                norm1: norm1, norm2: norm2, query: query, key: key, value: value, output: output, first: first, second: second, gate: gate,
                outputSite: outputSite, secondSite: mlp["wo"].site(c.channels), site: block.firstElementSite(c.channels))
        }
        let norm = try m["final_layer_norm"].rmsNorm(c.channels, epsilon: c.normEpsilon)
        let segments = SegmentCache()
        stages =
            layers.flatMap { Self.stages(of: $0, c, biases, segments) } + [{ s, context in s.hidden = try norm(s.hidden, context) }]
    }

    private static func stages(of layer: Layer, _ c: T5Configuration, _ biases: DistanceBiases, _ segments: SegmentCache) -> [Stage] {
        [
            { s, context in
                let backend = context.backend
                let normed = try layer.norm1(s.hidden, context)
                let (texts, tokens) = (s.hidden.shape[0], s.hidden.shape[1])
                let heads: Shape = [texts, tokens, c.heads, c.headChannels]
                s.inner = try backend.attention(
                    layer.query(normed, on: backend).reshaped([texts * tokens, c.heads, c.headChannels]),
                    keys: layer.key(normed, on: backend).reshaped(heads), values: layer.value(normed, on: backend).reshaped(heads),
                    segments: segments.segments(batch: texts, queries: tokens, keys: tokens, on: backend), scale: 1,
                    bias: biases.tensor(tokens: tokens, on: backend)
                ).reshaped([texts, tokens, c.heads * c.headChannels])
            },
            { s, context in
                s.hidden = try layer.output(s.inner!, residual: s.hidden, at: layer.outputSite, context)
                s.inner = nil
            },
            { s, context in
                let backend = context.backend
                let normed = try layer.norm2(s.hidden, context)
                guard let gate = layer.gate else {
                    s.inner = try layer.first(normed, activation: c.activation, on: backend)
                    return
                }
                s.inner = try backend.gatedProduct(
                    gate: gate(normed, on: backend), up: layer.first(normed, on: backend), activation: c.activation)
            },
            { s, context in
                s.hidden = try layer.second(s.inner!, residual: s.hidden, at: layer.secondSite, context)
                s.inner = nil
            },
            { s, context in s.hidden = try context.visit(s.hidden, at: layer.site) },
        ]
    }

    /// Embeds texts: the state before the first stage.
    /// - Parameter texts: At least one, all of one length.
    public func begin(_ texts: [[Int32]], on backend: any Backend) throws -> State {
        let length = texts[0].count
        precondition(length > 0 && texts.allSatisfy { $0.count == length }, "texts are padded to one length")
        // A device would read beyond the table.
        if let token = texts.joined().first(where: { $0 < 0 || $0 >= configuration.vocabulary }) {
            throw ModelError.tokenOutOfRange(Int(token), vocabulary: configuration.vocabulary)
        }
        let embedded = try backend.embedding(backend.upload(texts.flatMap { $0 }), table: tokens(on: backend))
        return State(hidden: try embedded.reshaped([texts.count, length, configuration.channels]))
    }

    /// Encodes texts: `[texts, tokens, channels]` f32.
    /// - Parameter texts: The tokens of each, all of one length.
    public func callAsFunction(_ texts: [[Int32]], _ context: ForwardContext) throws -> Tensor {
        try run(begin(texts, on: context.backend), context: context).hidden
    }
}

/// What is added to T5's attention scores, by the kind of distance: a table, laid out once for each length of text.
final class DistanceBiases {
    private let configuration: T5Configuration
    /// `[kinds, heads]`
    private let table: LayerWeight
    private var known: (tokens: Int, tensor: Tensor)?

    init(_ c: T5Configuration, _ m: ModuleLoader) throws {
        configuration = c
        table = try m.table("weight", rows: c.buckets, columns: c.heads)
    }

    /// `[1, heads, tokens, tokens]` f32.
    func tensor(tokens: Int, on backend: any Backend) throws -> Tensor {
        if let known, known.tokens == tokens { return known.tensor }
        let kinds = (0..<2 * tokens - 1).map { Int32(configuration.bucket(of: $0 - tokens + 1)) }
        let places = (0..<tokens).flatMap { query in kinds[tokens - 1 - query..<2 * tokens - 1 - query] }
        let laid = try backend.embedding(backend.upload(places), table: table(on: backend)).reshaped([tokens, tokens, configuration.heads])
        let tensor = try backend.permute(laid, [2, 0, 1]).reshaped([1, configuration.heads, tokens, tokens])
        if !backend.isRehearsal { known = (tokens, tensor) }
        return tensor
    }
}
