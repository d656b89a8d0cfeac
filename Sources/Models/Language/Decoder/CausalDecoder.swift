import Foundation
import ModelFiles
import Tensors

/// A decoder-only language model: an embedding, blocks, a norm, and an output projection.
///
/// What its blocks are is said by its family (``DecoderFamily``), which reads like the model's class in Hugging Face transformers; sites have
/// that code's module paths.
final class CausalDecoder: LanguageModel {
    let configuration: DecoderConfiguration
    let backend: any Backend
    let sites: [Site]
    let fingerprint: String
    let cost: ModelCost

    private let parts: DecoderParts
    private let head: Tensor
    /// The type of norms' results and of what products read; the residual stream and the logits are f32.
    let activations: DType
    /// The type of keys and values.
    let cacheType: DType
    /// Kept for ``sketch``.
    private let weights: any WeightSource
    private let matrices: [String]
    private var rememberedSketch: WeightSketch?

    var architecture: String { configuration.architecture }
    var vocabularySize: Int { configuration.vocabulary }
    var contextLength: Int { configuration.contextLength }

    /// - Parameter build: Makes the model's layers.
    init(
        _ configuration: DecoderConfiguration, weights: some WeightSource, _ options: LanguageModelOptions, on backend: any Backend,
        build: DecoderFamily.Builder
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
        let loader = LayerLoader(weights, extents: extents, normEpsilon: c.normEpsilon, on: backend)
        parts = try build(c, loader)
        head = try CausalDecoder.head(c, weights, embedding: parts.embedding, on: backend)
        try weights.refuseUnused(architecture: c.architecture)
        sites = loader.sites
        fingerprint = loader.fingerprint
        matrices = loader.matrices.map { "\($0.path).weight" }
        cost = ModelCost(
            weightBytes: loader.matrices.map(\.byteCount).reduce(head.byteCount, +),
            layerOperations: loader.matrices.map { 2 * $0.shape.count }.reduce(0, +), headOperations: 2 * head.shape.count)
    }

    private static let headName = "lm_head.weight"

    /// The output projection. Where the settings tie it to the embedding, one that the file holds all the same counts when it differs, as in
    /// transformers 5; GGUF files tie by not holding one.
    private static func head(
        _ c: DecoderConfiguration, _ weights: some WeightSource, embedding: TokenEmbedding, on backend: any Backend
    ) throws -> Tensor {
        if c.tiesEmbedding {
            guard let stored = try weights.tensor(headName) else { return embedding.table }
            if let table = try weights.tensor("\(embedding.site.name).weight"), table.dtype == stored.dtype,
                table.bytes.count == stored.bytes.count,
                stored.shape == [c.vocabulary, c.hidden],
                stored.bytes.isEmpty || memcmp(table.bytes.baseAddress!, stored.bytes.baseAddress!, stored.bytes.count) == 0
            {
                return embedding.table
            }
        }
        return try weights.weight(headName, shape: [c.vocabulary, c.hidden], on: backend)
    }

    /// Every matrix, the output projection last: the embedding where that serves as one, so that files agree whether or not they hold it twice.
    var sketch: WeightSketch? {
        get throws {
            if let rememberedSketch { return rememberedSketch }
            let embedding = try weights.sample("\(parts.embedding.site.name).weight")
            var head = try weights.sample(CausalDecoder.headName) ?? embedding
            head?.name = CausalDecoder.headName
            let projections = try matrices.map { try weights.sample($0) }
            let sketch = WeightSketch(([embedding] + projections + [head]).compactMap { $0 })
            rememberedSketch = sketch
            return sketch
        }
    }

    func makeCache(slots: Int, capacity: Int, dtype: DType) throws -> KeyValueCache {
        try KeyValueCache(
            layers: configuration.layers, slots: slots, capacity: capacity, heads: configuration.keyHeads,
            headChannels: configuration.headChannels, dtype: dtype, on: backend)
    }

    var stageCount: Int { parts.blocks.count * DecoderBlock.Step.allCases.count }

    func begin(_ batch: TokenBatch, cache: KeyValueCache?, context: ForwardContext) throws -> PassState {
        try batch.requireTokens(below: configuration.vocabulary)
        return PassState(batch: batch, cache: cache, hidden: try parts.embedding(batch, context))
    }

    func advance(_ state: inout PassState, context: ForwardContext) throws {
        let (layer, step) = state.stage.quotientAndRemainder(dividingBy: DecoderBlock.Step.allCases.count)
        try parts.blocks[layer].advance(
            &state, DecoderBlock.Step(rawValue: step)!, layer: layer, activations: activations, cacheType: cacheType, context)
    }

    func finish(_ state: PassState, output: OutputRows, context: ForwardContext) throws -> Tensor {
        var x = state.hidden
        // The norm works row by row, so only the rows that are asked for need it, unless what happens at its site needs them all.
        let gatherFirst = !(parts.norm.site.map(context.needsEveryRow) ?? false)
        if case .last = output, gatherFirst { x = try backend.gatherRows(x, at: state.batch.lastRows) }
        x = try parts.norm(x, as: activations, context)
        if case .last = output, !gatherFirst { x = try backend.gatherRows(x, at: state.batch.lastRows) }
        return x
    }

    func logits(_ hidden: Tensor) throws -> Tensor {
        let logits = try backend.linear(hidden, weight: head, as: .f32)
        guard let cap = configuration.logitSoftCap else { return logits }
        let bounded = try backend.activation(backend.scale(logits, by: 1 / cap, into: logits), .tanh, into: logits)
        return try backend.scale(bounded, by: cap, into: logits)
    }
}

/// The layers of a decoder.
struct DecoderParts {
    let embedding: TokenEmbedding
    let blocks: [DecoderBlock]
    let norm: any NormLayer

    init(embedding: TokenEmbedding, blocks: [DecoderBlock], norm: any NormLayer) {
        (self.embedding, self.blocks, self.norm) = (embedding, blocks, norm)
    }

    /// With the modules that most decoders have: `model.embed_tokens`, `model.layers` and `model.norm`.
    /// - Parameter block: Makes the block of a number.
    init(
        _ c: DecoderConfiguration, _ m: LayerLoader, embeddingScale: (factor: Float, isBeforeSite: Bool)? = nil,
        block: (_ module: LayerLoader, _ layer: Int) throws -> DecoderBlock
    ) throws {
        let model = m["model"]
        var embedding = try TokenEmbedding(c, model["embed_tokens"])
        embedding.scale = embeddingScale
        self.embedding = embedding
        blocks = try (0..<c.layers).map { try block(model["layers.\($0)"], $0) }
        norm = try model.rmsNorm("norm", c.hidden)
    }
}
