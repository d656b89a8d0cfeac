import ModelFiles
import Tensors

/// An encoder of texts: embeddings, and blocks in which every token attends to all of its text.
///
/// What its blocks are is said by its family (``TextEncoderFamily``), which reads like the model's class in Hugging Face transformers; sites have
/// that code's module paths. Activations are f32. Texts of a batch lie one after the other, without padding between them.
public final class TextEncoder: SteerableModel {
    public let backend: any Backend
    public let sites: [Site]
    public let fingerprint: String
    let configuration: TextEncoderConfiguration
    private let parts: TextEncoderParts
    private let head: PlainMLP?
    private let weights: any WeightSource
    private let matrices: [String]
    private var rememberedSketch: WeightSketch?

    public var architecture: String { configuration.architecture }
    /// The most tokens a text can have.
    public var maximumTokens: Int { configuration.maximumTokens }
    /// The neurons of a token's last state.
    public var channels: Int { configuration.hidden }

    /// Whether a folder calls itself an encoder of a known family.
    public static func isEncoder(_ folder: HuggingFaceFolder) -> Bool { (try? ArchitectureRegistry.textEncoder(of: folder)) != nil }

    /// - Parameter labels: How many numbers a classifier's head gives; nil for the encoder alone.
    init(_ folder: HuggingFaceFolder, labels: Int?, on backend: any Backend) throws {
        let family = try ArchitectureRegistry.textEncoder(of: folder)
        let settings = SettingsReader(folder.config)
        let c = try family.folder(settings).validated()
        try settings.refuse(TextEncoderFamily.neutral + FolderSettings.common)
        let weights = FileWeights(
            folder,
            // What the first files of BERT, converted from TensorFlow, call the numbers of norms.
            storedName: { name in
                guard name.contains("LayerNorm."), !folder.contains(tensor: name) else { return name }
                return name.replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing("LayerNorm.bias", with: "LayerNorm.beta")
            })
        let top = LayerLoader(
            weights, extents: [c.layers, c.hidden, c.heads, c.intermediate, c.vocabulary, c.positions], normEpsilon: c.normEpsilon,
            on: backend)
        let isNested = folder.contains(tensor: "\(family.prefix).embeddings.word_embeddings.weight")
        let encoder = isNested ? top[family.prefix] : top
        parts = try family.build(c, encoder)
        head = try labels.map { try family.head(c, encoder, top, $0) }
        weights.ignore(
            weights.unused.filter { TextEncoderFamily.isOfAnotherUse($0, prefix: isNested ? family.prefix + "." : "") })
        try weights.refuseUnused(architecture: c.architecture)
        configuration = c
        self.backend = backend
        self.weights = weights
        sites = top.sites
        fingerprint = top.fingerprint
        matrices = top.matrices.map { "\($0.path).weight" }
    }

    public var sketch: WeightSketch? {
        get throws {
            if let rememberedSketch { return rememberedSketch }
            let sketch = WeightSketch(try matrices.compactMap { try weights.sample($0) })
            rememberedSketch = sketch
            return sketch
        }
    }

    /// The last states of all tokens of some texts.
    /// - Parameters:
    ///   - texts: The tokens of each, none empty.
    ///   - context: Nil for one in which nothing happens.
    /// - Throws: ``ModelError/invalidConfiguration(_:)`` for a text with more tokens than the encoder has positions.
    public func states(of texts: [[Int32]], context: ForwardContext? = nil) throws -> TextStates {
        let longest = texts.lazy.map(\.count).max() ?? 0
        guard longest <= maximumTokens else {
            throw ModelError.invalidConfiguration("a text of \(longest) tokens was given to an encoder of at most \(maximumTokens)")
        }
        let context = context ?? ForwardContext(backend: backend)
        let batch = try TokenBatch(
            texts.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) }, capacity: longest, on: backend)
        try batch.requireTokens(below: configuration.vocabulary)
        var x = try parts.embedding(batch, texts, context)
        for block in parts.blocks { x = try block(x, batch, context) }
        return TextStates(rows: x, batch: batch)
    }

    /// What a classifier's head makes of texts: `[texts, labels]` f32.
    func logits(_ states: TextStates, context: ForwardContext? = nil) throws -> Tensor {
        guard let head else { preconditionFailure("an encoder without a classifier's head") }
        let context = context ?? ForwardContext(backend: backend)
        return try head.down(head.product(states.pooled(by: .first, on: backend), context), context)
    }
}

/// The states of the tokens of some texts.
public struct TextStates {
    /// `[rows, channels]` f32: the texts one after the other.
    public let rows: Tensor
    let batch: TokenBatch

    /// Where each text's rows lie.
    public var ranges: [Range<Int>] { batch.ranges }

    /// A row a text: `[texts, channels]` f32.
    func pooled(by pooling: TextPooling, on backend: any Backend) throws -> Tensor {
        let starts = try backend.upload(ranges.map { Int32($0.lowerBound) })
        guard let operation = pooling.operation else { return try backend.gatherRows(rows, at: starts) }
        return try backend.pool(
            rows, starts: starts, counts: backend.upload(ranges.map { Int32($0.count) }), maximumCount: batch.capacity, pooling: operation)
    }
}

/// How the states of a text's tokens become one.
enum TextPooling {
    case first, mean, max, last

    /// Nil for the first token's.
    var operation: Pooling? {
        switch self {
        case .first: nil
        case .mean: .mean
        case .max: .max
        case .last: .last
        }
    }
}
