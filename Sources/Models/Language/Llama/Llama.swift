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
    private let norm: Tensor
    private let normSite: Site
    private let head: Tensor
    private let ropeFactors: Tensor?
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
        var names = SiteList()
        var hash = Fingerprint()
        hash.add([c.layers, c.hidden, c.heads, c.keyHeads, c.headChannels, c.intermediate, c.vocabulary])

        func gain(_ name: String) throws -> Tensor {
            let elements = try weights.vector(name, channels: c.hidden)
            hash.add(elements)
            return try backend.upload(elements)
        }
        embedding = try weights.weight("model.embed_tokens.weight", shape: [c.vocabulary, c.hidden], on: backend)
        embeddingSite = names.add("model.embed_tokens", c.hidden)
        layers = try (0..<c.layers).map { index in
            let path = "model.layers.\(index)"
            let queryChannels = c.heads * c.headChannels
            let keyChannels = c.keyHeads * c.headChannels
            func projection(_ name: String, _ inputs: Int, _ outputs: Int, _ rule: LlamaConfiguration.Bias) throws -> Projection {
                let biasName = "\(path).\(name).bias"
                let hasBias = try rule == .required || rule == .ifStored && weights.tensor(biasName) != nil
                let bias = hasBias ? try backend.upload(weights.vector(biasName, channels: outputs)) : nil
                return Projection(
                    weight: try weights.weight("\(path).\(name).weight", shape: [outputs, inputs], on: backend), bias: bias,
                    site: names.add("\(path).\(name)", outputs))
            }
            return Layer(
                inputNorm: try gain("\(path).input_layernorm.weight"),
                inputNormSite: names.add("\(path).input_layernorm", c.hidden),
                query: try projection("self_attn.q_proj", c.hidden, queryChannels, c.queryKeyValueBias),
                key: try projection("self_attn.k_proj", c.hidden, keyChannels, c.queryKeyValueBias),
                value: try projection("self_attn.v_proj", c.hidden, keyChannels, c.queryKeyValueBias),
                output: try projection("self_attn.o_proj", queryChannels, c.hidden, c.attentionOutputBias),
                postAttentionNorm: try gain("\(path).post_attention_layernorm.weight"),
                postAttentionNormSite: names.add("\(path).post_attention_layernorm", c.hidden),
                gate: try projection("mlp.gate_proj", c.hidden, c.intermediate, c.mlpBias),
                up: try projection("mlp.up_proj", c.hidden, c.intermediate, c.mlpBias),
                down: try projection("mlp.down_proj", c.intermediate, c.hidden, c.mlpBias),
                outputSite: names.add(path, c.hidden))
        }
        norm = try gain("model.norm.weight")
        normSite = names.add("model.norm", c.hidden)
        head = try Llama.head(c, weights, embedding: embedding, on: backend)
        ropeFactors = try c.rotary.frequencyFactors.map { try backend.upload($0) }
        try weights.refuseUnused(architecture: c.architecture)
        sites = names.sites
        fingerprint = hash.text
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
        let epsilon = configuration.normEpsilon
        switch Stage(rawValue: state.stage % Stage.allCases.count)! {
        case .attention:
            let normed = try context.rmsNorm(
                x, gain: layer.inputNorm, epsilon: epsilon, as: activations, at: layer.inputNormSite)
            state.complete(hidden: x, inner: try attention(normed, layer, index, state.batch, state.cache, context))
        case .attentionOutput:
            state.complete(hidden: try layer.output(state.inner!, residual: x, context))
        case .gatedProduct:
            let normed = try context.rmsNorm(
                x, gain: layer.postAttentionNorm, epsilon: epsilon, as: activations, at: layer.postAttentionNormSite)
            let gate = try layer.gate(normed, context)
            let up = try layer.up(normed, context)
            state.complete(hidden: x, inner: try backend.gatedProduct(gate: gate, up: up, activation: .silu, into: gate))
        case .down:
            state.complete(hidden: try layer.down(state.inner!, residual: x, context))
        case .output:
            state.complete(hidden: try context.visit(x, at: layer.outputSite))
        }
    }

    public func finish(_ state: PassState, output: OutputRows, context: ForwardContext) throws -> Tensor {
        var x = state.hidden
        // The norm works row by row, so only the rows that are asked for need it, unless what happens at its site needs them all.
        let gatherFirst = !context.needsEveryRow(at: normSite)
        if case .last = output, gatherFirst { x = try backend.gatherRows(x, at: state.batch.lastRows) }
        x = try context.rmsNorm(x, gain: norm, epsilon: configuration.normEpsilon, as: activations, at: normSite)
        if case .last = output, !gatherFirst { x = try backend.gatherRows(x, at: state.batch.lastRows) }
        return x
    }

    public func logits(_ hidden: Tensor) throws -> Tensor { try backend.linear(hidden, weight: head, as: .f32) }

    /// Rotary grouped-query attention up to, but without, the output projection: `[rows, hidden]` → `[rows, heads · head channels]`.
    private func attention(
        _ x: Tensor, _ layer: Layer, _ index: Int, _ batch: TokenBatch, _ cache: KeyValueCache?, _ context: ForwardContext
    ) throws -> Tensor {
        let c = configuration
        let rows = batch.rowCount
        let queryShape: Shape = [rows, c.heads, c.headChannels]
        let keyShape: Shape = [rows, c.keyHeads, c.headChannels]
        let query = try layer.query(x, context).reshaped(queryShape)
        let key = try layer.key(x, context).reshaped(keyShape)
        let value = try layer.value(x, context).reshaped(keyShape)
        for heads in [query, key] {
            _ = try backend.rope(
                heads, positions: batch.positions, dimensions: c.headChannels, base: c.rotary.base, layout: .rotateHalf,
                frequencyFactors: ropeFactors, into: heads)
        }
        let (keys, values) = try cache?.layers[index] ?? transientCache(batch)
        try backend.storeKeys(key, values: value, into: keys, values, segments: batch.segments)
        return try backend.attention(
            query, keys: keys, values: values, segments: batch.segments, scale: c.attentionScale,
            causal: true, window: c.windows[index]
        ).reshaped([rows, c.heads * c.headChannels])
    }

    /// Keys and values of one layer of a pass that nothing follows.
    private func transientCache(_ batch: TokenBatch) throws -> (keys: Tensor, values: Tensor) {
        let shape: Shape = [batch.segments.count, batch.capacity, configuration.keyHeads, configuration.headChannels]
        return (try backend.allocate(shape, cacheType), try backend.allocate(shape, cacheType))
    }
}

/// A linear layer and the site of its result.
private struct Projection {
    let weight: Tensor
    let bias: Tensor?
    let site: Site

    /// With a residual, the result is of its type: the residual stream's.
    func callAsFunction(_ x: Tensor, residual: Tensor? = nil, _ context: ForwardContext) throws -> Tensor {
        try context.linear(x, weight: weight, bias: bias, residual: residual, as: residual?.dtype, at: site)
    }
}

private struct Layer {
    let inputNorm: Tensor
    let inputNormSite: Site
    let query, key, value, output: Projection
    let postAttentionNorm: Tensor
    let postAttentionNormSite: Site
    let gate, up, down: Projection
    let outputSite: Site

    var projections: [Projection] { [query, key, value, output, gate, up, down] }
}
