import Tensors

/// A forward pass between two stages: the batch, and the tensors that later stages need.
///
/// A stage never writes into the tensors of the state it is given, so that a state can be gone on from more than once, and its tensors
/// can lie elsewhere while the pass waits.
public struct PassState {
    public let batch: TokenBatch
    /// Where keys and values of earlier tokens are; nil when every sequence starts and ends with this pass.
    public let cache: KeyValueCache?
    /// The number of stages that are done.
    public internal(set) var stage = 0
    /// The residual stream: `[rows, hidden]`.
    public internal(set) var hidden: Tensor
    /// What the next stage projects back to the residual stream: attended heads or gated channels, `[rows, channels]`.
    public internal(set) var inner: Tensor?

    init(batch: TokenBatch, cache: KeyValueCache?, hidden: Tensor) {
        self.batch = batch
        self.cache = cache
        self.hidden = hidden
    }

    /// What waits in device memory beside the batch itself.
    package var tensors: [Tensor] {
        get { [hidden] + (inner.map { [$0] } ?? []) }
        set {
            hidden = newValue[0]
            inner = newValue.count > 1 ? newValue[1] : nil
        }
    }

    /// Goes on to the next stage.
    mutating func complete(hidden: Tensor, inner: Tensor? = nil) {
        self.hidden = hidden
        self.inner = inner
        stage += 1
    }
}
