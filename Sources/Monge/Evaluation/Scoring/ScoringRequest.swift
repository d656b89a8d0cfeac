/// A text and what may follow it, to be scored by a model.
package struct ScoringRequest: Equatable {
    /// The tokens before the options, at least one.
    package var context: [Int32]
    /// What may follow, none empty.
    package var options: [[Int32]]
    /// The maps in place.
    package var steering: [Steer]
    /// What messages call the text.
    package var name: String
    /// What conditions of the maps are asked of; nil for the context.
    package var prompt: [Int32]?

    package init(context: [Int32], options: [[Int32]], steering: [Steer] = [], name: String, prompt: [Int32]? = nil) {
        self.prompt = prompt
        precondition(!context.isEmpty && options.allSatisfy { !$0.isEmpty }, "a context and options with tokens")
        self.context = context
        self.options = options
        self.steering = steering
        self.name = name
    }
}

extension Model {
    /// A request for texts: what each option adds to the tokens of the context.
    ///
    /// An option's tokens are those of context and option together beyond as many as the context has alone, so that a space at the border goes where the
    /// tokenizer puts it, and spaces at the context's end belong to the option (the rules of EleutherAI's lm-evaluation-harness).
    /// - Throws: ``MongeError/usage(_:)`` for an option that adds no token, ``MongeError/contextExceeded(_:)`` for a text that the model cannot hold.
    package func scoringRequest(context: String, options: [String], steering: [Steer] = [], name: String) throws -> ScoringRequest {
        // Where a model begins texts with no token of its own, an empty context has none, and nothing predicts the first of an option.
        let beginning = String(context.reversed().drop(while: \.isWhitespace).reversed())
        let tokens = tokenizer.encode(beginning, addSpecial: true, parseSpecial: false)
        guard !tokens.isEmpty else { throw MongeError.usage("\(name) is empty") }
        let suffix = tokenizer.suffix.count
        let own = Array(tokens.dropLast(suffix))
        let added = try options.map { option in
            let whole = tokenizer.encode(context + option, addSpecial: true, parseSpecial: false).dropLast(suffix)
            guard whole.count > own.count else { throw MongeError.usage("\(name): the option '\(option.beginning)' adds no token") }
            return Array(whole.dropFirst(own.count))
        }
        let longest = own.count + (added.map(\.count).max() ?? 0)
        guard longest <= language.contextLength else {
            throw MongeError.contextExceeded(
                "\(name) has \(longest) tokens with its longest option; the model's context holds \(language.contextLength)")
        }
        return ScoringRequest(context: own, options: added, steering: steering, name: name)
    }
}
