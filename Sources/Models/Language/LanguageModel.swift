import Tensors

/// Which rows of the last hidden state a forward pass returns.
public enum OutputRows {
    /// Every token's.
    case all
    /// The last token's of each sequence.
    case last
}

/// A decoder-only language model on a backend.
public protocol LanguageModel: AnyObject {
    /// The model family, for example `llama`.
    var architecture: String { get }
    /// What tells these weights from others', whatever their quantisation: a hash over the extents and the norm gains.
    var fingerprint: String { get }
    var vocabularySize: Int { get }
    /// The most tokens a sequence can have.
    var contextLength: Int { get }
    /// Every site, in execution order.
    var sites: [Site] { get }
    var backend: any Backend { get }
    /// The bytes of the weights that one token's pass reads, and the multiply-adds it does, for measurements.
    var cost: ModelCost { get }

    func makeCache(slots: Int, capacity: Int) throws -> KeyValueCache

    /// Runs the batch, extends the cache, and returns the normed last hidden state.
    ///
    /// - Parameters:
    ///   - cache: Where keys and values of earlier tokens are. Nil when sequences start at 0 and end with this pass; the batch's
    ///     slots are then 0, 1, 2, …
    /// - Returns: `[rows, hidden]` f32.
    func forward(_ batch: TokenBatch, cache: KeyValueCache?, context: ForwardContext, output: OutputRows) throws -> Tensor

    /// The scores of all next tokens.
    /// - Parameter hidden: `[rows, hidden]` f32, from ``forward(_:cache:context:output:)``.
    /// - Returns: `[rows, vocabulary]` f32.
    func logits(_ hidden: Tensor) throws -> Tensor
}

/// What one token's forward pass costs, attention over the cache left out.
public struct ModelCost: Sendable {
    /// The bytes of all weights that a decode step reads.
    public var weightBytes: Int
    /// The floating-point operations of the layers (two a multiply-add).
    public var layerOperations: Int
    /// The floating-point operations of the output projection.
    public var headOperations: Int
}
