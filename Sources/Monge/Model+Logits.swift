import Models
import Tensors

extension Model {
    /// The scores of the next token after every position of a sequence.
    /// - Parameters:
    ///   - tokens: From 1 to the context length, each a token of the vocabulary.
    ///   - steering: Conditions are asked of the whole text.
    ///   - rows: Receives `[rows, vocabulary]` scores of consecutive positions, a bounded number at a time.
    /// - Throws: ``MongeError/notFinite(_:)`` when a score is a NaN or an infinity, ``MongeError/contextExceeded(_:)`` when the text is too long.
    func forEachLogits(
        _ tokens: [Int32], steering: [Steer], rows body: (_ first: Int, _ count: Int, _ logits: [Float]) throws -> Void
    ) throws {
        guard !tokens.isEmpty else { throw MongeError.usage("the text has no tokens") }
        guard tokens.count <= language.contextLength else {
            throw MongeError.contextExceeded("the text has \(tokens.count) tokens; the model's context holds \(language.contextLength)")
        }
        if let token = tokens.first(where: { $0 < 0 || Int($0) >= language.vocabularySize }) {
            throw MongeError.usage("token \(token) is not in the vocabulary of \(language.vocabularySize)")
        }
        let batch = try TokenBatch([TokenBatch.Sequence(tokens: tokens, slot: 0)], capacity: tokens.count, on: backend)
        let steering = try acting([(tokens, steering)])[0]
        let installed = try InstalledSteering([steering], on: language)
        let context = ForwardContext(backend: backend, transports: try installed.transports(for: [(tokens.count, steering)]))
        let hidden = try language.forward(batch, cache: nil, context: context, output: .all)
        for start in stride(from: 0, to: tokens.count, by: Model.logitRows) {
            let count = min(Model.logitRows, tokens.count - start)
            let logits = try backend.readFloats(language.logits(hidden.rows(start..<start + count)))
            guard logits.isFinite else {
                throw MongeError.notFinite(
                    try nonFiniteNumbers("logits", name: "the text", text: tokenizer.decode(tokens), tokens: tokens, steering: steering))
            }
            try body(start, count, logits)
        }
    }

    /// The scores of the next token after every position, `[tokens, vocabulary]`, row-major.
    public func logits(of tokens: [Int32], steering: [Steer] = []) throws -> [Float] {
        var all = [Float]()
        all.reserveCapacity(tokens.count * language.vocabularySize)
        try forEachLogits(tokens, steering: steering) { _, _, logits in all += logits }
        return all
    }
}
