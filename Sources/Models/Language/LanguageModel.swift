import ModelFiles
import Tensors

/// Which rows of the last hidden state a forward pass returns.
public enum OutputRows {
    /// Every token's.
    case all
    /// The last token's of each sequence.
    case last
}

/// A decoder-only language model on a backend.
///
/// A forward pass is a sequence of stages, so that it can wait between two of them while other batches catch up.
public protocol LanguageModel: SteerableModel {
    var vocabularySize: Int { get }
    /// The most tokens a sequence can have.
    var contextLength: Int { get }
    /// The type of what products read, f32 or f16. The residual stream and the scores are f32.
    var activations: DType { get }
    /// The bytes of the weights that one token's pass reads, and the multiply-adds it does, for measurements.
    var cost: ModelCost { get }

    /// The type in which the model keeps keys and values, f32 or f16.
    var cacheType: DType { get }

    /// - Parameter dtype: f32 or f16.
    func makeCache(slots: Int, capacity: Int, dtype: DType) throws -> KeyValueCache

    /// The stages between ``begin(_:cache:context:)`` and ``finish(_:output:context:)``.
    var stageCount: Int { get }

    /// Embeds a batch: the state before the first stage.
    ///
    /// - Parameter cache: Where keys and values of earlier tokens are. Nil when sequences start at 0 and end with this pass; the batch's
    ///   slots are then 0, 1, 2, …
    func begin(_ batch: TokenBatch, cache: KeyValueCache?, context: ForwardContext) throws -> PassState

    /// Carries a pass through its next stage. The cache is extended by the stages that compute keys and values.
    ///
    /// The tensors of the given state are not written to, and when the stage throws, the state is what it was.
    /// - Precondition: `state.stage < stageCount`.
    func advance(_ state: inout PassState, context: ForwardContext) throws

    /// The normed last hidden state of a pass whose stages are all done.
    /// - Returns: `[rows, hidden]`, of the type of ``activations``.
    func finish(_ state: PassState, output: OutputRows, context: ForwardContext) throws -> Tensor

    /// The scores of all next tokens.
    /// - Parameter hidden: `[rows, hidden]`, from ``finish(_:output:context:)``.
    /// - Returns: `[rows, vocabulary]` f32.
    func logits(_ hidden: Tensor) throws -> Tensor
}

extension LanguageModel {
    /// A cache of the model's own type.
    public func makeCache(slots: Int, capacity: Int) throws -> KeyValueCache {
        try makeCache(slots: slots, capacity: capacity, dtype: cacheType)
    }

    /// Runs the batch through all stages, extends the cache, and returns the normed last hidden state.
    ///
    /// - Parameter cache: Where keys and values of earlier tokens are. Nil when sequences start at 0 and end with this pass; the batch's
    ///   slots are then 0, 1, 2, …
    /// - Returns: `[rows, hidden]`, of the type of ``activations``.
    public func forward(_ batch: TokenBatch, cache: KeyValueCache?, context: ForwardContext, output: OutputRows) throws -> Tensor {
        var state = try begin(batch, cache: cache, context: context)
        while state.stage < stageCount { try advance(&state, context: context) }
        return try finish(state, output: output, context: context)
    }
}

/// What one token's forward pass costs, attention over the cache left out.
public struct ModelCost: Sendable {
    /// The bytes of all weights that a decode step reads.
    public var weightBytes: Int
    /// The floating-point operations of the layers (two a multiply-add).
    public var layerOperations: Int
    /// The floating-point operations of the output projection.
    public var headOperations: Int

    public init(weightBytes: Int, layerOperations: Int, headOperations: Int) {
        self.weightBytes = weightBytes
        self.layerOperations = layerOperations
        self.headOperations = headOperations
    }
}
