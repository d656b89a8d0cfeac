import Tensors

/// A forward pass of one batch that can wait between two of its stages, so that other batches catch up.
///
/// A stage never writes into tensors that waited, which can therefore lie elsewhere meanwhile.
public protocol StagedPass: AnyObject {
    /// What waits in device memory. It is set to the same tensors, in their order, before the pass goes on.
    var tensors: [Tensor] { get set }

    /// Carries the pass through its next stage; when that throws, nothing has changed.
    /// - Returns: Whether there are stages left.
    func advance(context: ForwardContext) throws -> Bool
}

extension StagedPass {
    /// Carries the pass to its end.
    public func run(context: ForwardContext) throws { while try advance(context: context) {} }

    /// Drops the tensors, which lie elsewhere until ``tensors`` is set again.
    package func letGo() {
        let nothing = Tensor(shape: [0], dtype: .f32, storage: TensorStorage(byteCount: 0))
        tensors = tensors.map { _ in nothing }
    }
}
