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
    public private(set) var stage = 0
    /// What waits in device memory beside the batch itself: ``hidden`` and, where there is one, ``inner``.
    package var tensors: [Tensor]

    /// The residual stream: `[rows, hidden]`.
    public var hidden: Tensor { tensors[0] }

    /// What the next stage projects back to the residual stream: attended heads or gated channels, `[rows, channels]`.
    public var inner: Tensor? { tensors.count > 1 ? tensors[1] : nil }

    package init(batch: TokenBatch, cache: KeyValueCache?, hidden: Tensor) {
        self.batch = batch
        self.cache = cache
        tensors = [hidden]
    }

    /// Goes on to the next stage.
    package mutating func complete(hidden: Tensor, inner: Tensor? = nil) {
        tensors = inner.map { [hidden, $0] } ?? [hidden]
        stage += 1
    }
}
