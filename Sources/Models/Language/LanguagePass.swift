import Tensors

/// A forward pass of a language model over sequences that start and end with it.
public final class LanguagePass: StagedPass {
    private let language: any LanguageModel
    private let batch: TokenBatch
    /// Nil until the batch is embedded.
    private var state: PassState?

    /// - Parameter batch: Its slots are 0, 1, 2, …
    public init(_ language: any LanguageModel, _ batch: TokenBatch) {
        self.language = language
        self.batch = batch
    }

    public var tensors: [Tensor] {
        get { state?.tensors ?? [] }
        set { state?.tensors = newValue }
    }

    public func advance(context: ForwardContext) throws -> Bool {
        guard state != nil else {
            state = try language.begin(batch, cache: nil, context: context)
            return true
        }
        guard state!.stage == language.stageCount else {
            try language.advance(&state!, context: context)
            return true
        }
        _ = try language.finish(state!, output: .last, context: context)
        return false
    }
}
