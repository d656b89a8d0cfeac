import Foundation
import ModelFiles
import Tensors

/// A Llama-family decoder (Touvron et al. 2023): pre-norm blocks of rotary grouped-query attention and a SiLU-gated MLP.
///
/// It reads like `LlamaForCausalLM` of Hugging Face transformers, and its sites have that code's module paths.
public final class Llama: LanguageModel {
    public let configuration: LlamaConfiguration
    public let backend: any Backend
    public let sites: [Site]
    public let fingerprint: String
    public let cost: ModelCost

    private let embedding: Tensor
    private let embeddingSite: Site
    private let layers: [Layer]
    private let norm: RMSNormLayer
    private let head: Tensor
    /// The type of norms' results and of what products read; the residual stream and the logits are f32.
    public let activations: DType
    /// The type of keys and values.
    public let cacheType: DType
    /// Kept for ``sketch``.
    private let weights: any WeightSource
    private var rememberedSketch: WeightSketch?

    public var architecture: String { configuration.architecture }
    public var vocabularySize: Int { configuration.vocabulary }
    public var contextLength: Int { configuration.contextLength }

    init(
        _ configuration: LlamaConfiguration, weights: some WeightSource, _ options: LanguageModelOptions, on backend: any Backend
    ) throws {
        let c = try configuration.validated()
        activations = options.activations ?? backend.preferredActivations
        guard activations.isActivation else { throw ModelError.unsupported("activations of \(activations); they can be f32 or f16") }
        cacheType = options.cache ?? activations
        guard cacheType.isActivation else { throw ModelError.unsupported("a key-value cache of \(cacheType); it can be f32 or f16") }
        self.configuration = c
        self.backend = backend
        self.weights = weights
        let extents = [c.layers, c.hidden, c.heads, c.keyHeads, c.headChannels, c.intermediate, c.vocabulary]
        var loader = LayerLoader(weights, extents: extents, on: backend)
        embedding = try loader.matrix("model.embed_tokens", rows: c.vocabulary, columns: c.hidden)
        embeddingSite = loader.site("model.embed_tokens", c.hidden)
        let ropeFactors = try c.rotary.frequencyFactors.map { try backend.upload($0) }
        layers = try (0..<c.layers).map { try Layer(c, index: $0, frequencyFactors: ropeFactors, &loader) }
        norm = try loader.rmsNorm("model.norm", channels: c.hidden, epsilon: c.normEpsilon)
        head = try Llama.head(c, weights, embedding: embedding, on: backend)
        try weights.refuseUnused(architecture: c.architecture)
        sites = loader.sites.sites
        fingerprint = loader.fingerprint.text
        let projections = layers.flatMap(\.projections).map(\.weight)
        cost = ModelCost(
            weightBytes: (projections + [head]).map(\.byteCount).reduce(0, +),
            layerOperations: projections.map { 2 * $0.shape.count }.reduce(0, +), headOperations: 2 * head.shape.count)
    }

    /// The output projection. Where the settings tie it to the embedding, one that the file holds all the same counts when it differs, as in
    /// transformers 5; GGUF files tie by not holding one.
    private static func head(
        _ c: LlamaConfiguration, _ weights: some WeightSource, embedding: Tensor, on backend: any Backend
    ) throws -> Tensor {
        let name = "lm_head.weight"
        if c.tiesEmbedding {
            guard let stored = try weights.tensor(name) else { return embedding }
            if let table = try weights.tensor("model.embed_tokens.weight"), table.dtype == stored.dtype,
                table.bytes.count == stored.bytes.count,
                stored.shape == [c.vocabulary, c.hidden],
                stored.bytes.isEmpty || memcmp(table.bytes.baseAddress!, stored.bytes.baseAddress!, stored.bytes.count) == 0
            {
                return embedding
            }
        }
        return try weights.weight(name, shape: [c.vocabulary, c.hidden], on: backend)
    }

    /// Every matrix, the output projection last: the embedding where that serves as one, so that files agree whether or not they hold it twice.
    public var sketch: WeightSketch? {
        get throws {
            if let rememberedSketch { return rememberedSketch }
            let embedding = try weights.sample("model.embed_tokens.weight")
            var head = try weights.sample("lm_head.weight") ?? embedding
            head?.name = "lm_head.weight"
            let projections = try layers.flatMap(\.projections).map { try weights.sample("\($0.site.name).weight") }
            let sketch = WeightSketch(([embedding] + projections + [head]).compactMap { $0 })
            rememberedSketch = sketch
            return sketch
        }
    }

    public func makeCache(slots: Int, capacity: Int, dtype: DType) throws -> KeyValueCache {
        try KeyValueCache(
            layers: configuration.layers, slots: slots, capacity: capacity, heads: configuration.keyHeads,
            headChannels: configuration.headChannels, dtype: dtype, on: backend)
    }

    /// The stages of a block; between them wait the residual stream and at most one tensor more.
    private enum Stage: Int, CaseIterable {
        /// Norm and attention, up to the heads' results.
        case attention
        /// Their projection to the residual stream.
        case attentionOutput
        /// Norm, gate and up projection, and their product.
        case gatedProduct
        /// Its projection to the residual stream.
        case down
        /// The block's output as a site.
        case output
    }

    public var stageCount: Int { layers.count * Stage.allCases.count }

    public func begin(_ batch: TokenBatch, cache: KeyValueCache?, context: ForwardContext) throws -> PassState {
        // A device would read beyond the table.
        if let token = batch.extremeTokens.first(where: { $0 < 0 || $0 >= configuration.vocabulary }) {
            throw ModelError.tokenOutOfRange(token, vocabulary: configuration.vocabulary)
        }
        let hidden = try context.visit(backend.embedding(batch.tokens, table: embedding), at: embeddingSite)
        return PassState(batch: batch, cache: cache, hidden: hidden)
    }

    public func advance(_ state: inout PassState, context: ForwardContext) throws {
        let index = state.stage / Stage.allCases.count
        let layer = layers[index]
        let x = state.hidden
        switch Stage(rawValue: state.stage % Stage.allCases.count)! {
        case .attention:
            let normed = try layer.inputNorm(x, as: activations, context)
            let heads = try layer.attention.heads(
                normed, state.batch, cache: state.cache?.layers[index], cacheType: cacheType, context)
            state.complete(hidden: x, inner: heads)
        case .attentionOutput:
            state.complete(hidden: try layer.attention.output(state.inner!, residual: x, context))
        case .gatedProduct:
            let normed = try layer.postAttentionNorm(x, as: activations, context)
            state.complete(hidden: x, inner: try layer.mlp.product(normed, context))
        case .down:
            state.complete(hidden: try layer.mlp.down(state.inner!, residual: x, context))
        case .output:
            state.complete(hidden: try context.visit(x, at: layer.outputSite))
        }
    }

    public func finish(_ state: PassState, output: OutputRows, context: ForwardContext) throws -> Tensor {
        var x = state.hidden
        // The norm works row by row, so only the rows that are asked for need it, unless what happens at its site needs them all.
        let gatherFirst = !(norm.site.map(context.needsEveryRow) ?? false)
        if case .last = output, gatherFirst { x = try backend.gatherRows(x, at: state.batch.lastRows) }
        x = try norm(x, as: activations, context)
        if case .last = output, !gatherFirst { x = try backend.gatherRows(x, at: state.batch.lastRows) }
        return x
    }

    public func logits(_ hidden: Tensor) throws -> Tensor { try backend.linear(hidden, weight: head, as: .f32) }
}

/// A block of the decoder.
private struct Layer {
    let inputNorm: RMSNormLayer
    let attention: RotaryAttention
    let postAttentionNorm: RMSNormLayer
    let mlp: GatedMLP
    let outputSite: Site

    var projections: [Projection] { attention.projections + mlp.projections }

    init(_ c: LlamaConfiguration, index: Int, frequencyFactors: Tensor?, _ loader: inout LayerLoader) throws {
        let path = "model.layers.\(index)"
        let (queryChannels, keyChannels) = (c.heads * c.headChannels, c.keyHeads * c.headChannels)
        inputNorm = try loader.rmsNorm("\(path).input_layernorm", channels: c.hidden, epsilon: c.normEpsilon)
        attention = RotaryAttention(
            query: try loader.projection("\(path).self_attn.q_proj", inputs: c.hidden, outputs: queryChannels, bias: c.queryKeyValueBias),
            key: try loader.projection("\(path).self_attn.k_proj", inputs: c.hidden, outputs: keyChannels, bias: c.queryKeyValueBias),
            value: try loader.projection("\(path).self_attn.v_proj", inputs: c.hidden, outputs: keyChannels, bias: c.queryKeyValueBias),
            headsSite: loader.headsSite("\(path).self_attn.o_proj", heads: c.heads, headChannels: c.headChannels),
            output: try loader.projection(
                "\(path).self_attn.o_proj", inputs: queryChannels, outputs: c.hidden, bias: c.attentionOutputBias),
            heads: c.heads, keyHeads: c.keyHeads, headChannels: c.headChannels, rotaryBase: c.rotary.base,
            frequencyFactors: frequencyFactors, scale: c.attentionScale, window: c.windows[index])
        postAttentionNorm = try loader.rmsNorm("\(path).post_attention_layernorm", channels: c.hidden, epsilon: c.normEpsilon)
        mlp = GatedMLP(
            gate: try loader.projection("\(path).mlp.gate_proj", inputs: c.hidden, outputs: c.intermediate, bias: c.mlpBias),
            up: try loader.projection("\(path).mlp.up_proj", inputs: c.hidden, outputs: c.intermediate, bias: c.mlpBias),
            down: try loader.projection("\(path).mlp.down_proj", inputs: c.intermediate, outputs: c.hidden, bias: c.mlpBias),
            activation: .silu)
        outputSite = loader.site(path, c.hidden)
    }
}
