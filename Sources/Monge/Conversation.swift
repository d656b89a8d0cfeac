import Tokenizers

/// A conversation with a model, each message written in the layout that the model was trained on.
///
/// ```swift
/// let conversation = try Conversation(with: model, system: "Answer briefly.")
/// conversation.steering = [map.at(0.5)]
/// try conversation.send("What is a neuron?") { part in
///     print(part, terminator: "")
///     return true
/// }
/// ```
public final class Conversation {
    public let model: Model
    /// What was said, the system's message left out.
    public private(set) var messages: [ChatMessage] = []
    /// What the model is told before all else.
    public var system: String?
    /// The maps that steer the replies, which may change between them.
    public var steering: [Steer]
    /// How replies are drawn; ``GenerationOptions/tokens`` is the most that a reply may have, as far as the model's context has room.
    public var options: GenerationOptions
    private let template: ChatTemplate

    /// - Throws: `ModelFileError` or `ChatTemplateError` when the model has no layout for conversations, or one that cannot be run.
    public init(
        with model: Model, system: String? = nil, steering: [Steer] = [], options: GenerationOptions = GenerationOptions(tokens: 512)
    ) throws {
        self.model = model
        self.system = system
        self.steering = steering
        self.options = options
        template = try model.chatTemplate()
    }

    /// Forgets what was said.
    public func reset() { messages = [] }

    /// Says something, and returns the model's reply.
    /// - Parameter onText: Called with the reply as it is made; false ends it there, and what was said stays said.
    /// - Throws: ``MongeError/contextExceeded(_:)`` when the model's context has no room, and what the layout or the generation throws; the conversation
    ///   is then as it was.
    @discardableResult
    public func send(_ text: String, onText: @escaping (String) -> Bool = { _ in true }) throws -> Generation {
        let asked = messages + [ChatMessage(role: .user, content: text)]
        let (request, limited) = try self.request(asked, steering: steering)
        let generation = try model.generate([request], options: limited, onPart: { onText($0.text) })[0]
        if let failure = generation.failure { throw failure }
        messages = asked + [ChatMessage(role: .assistant, content: generation.text)]
        return generation
    }

    /// The reply to the last message at several strengths, as one batch; the conversation stays as it is.
    /// - Throws: ``MongeError/usage(_:)`` when nothing was said yet, or there are no maps.
    public func replies(at strengths: [Float]) throws -> [Generation] {
        guard let last = messages.lastIndex(where: { $0.role == .user }) else {
            throw MongeError.usage("nothing was said yet that could be replied to")
        }
        guard !steering.isEmpty else { throw MongeError.usage("the replies are not steered; there is no map to apply a strength to") }
        let asked = Array(messages[...last])
        var requests: [GenerationRequest] = []
        var limited = options
        for strength in strengths {
            let (request, options) = try self.request(asked, steering: steering.map { Steer($0.map, strength: strength) })
            requests.append(request)
            limited = options
        }
        return try model.generate(requests, options: limited)
    }

    private func request(_ asked: [ChatMessage], steering: [Steer]) throws -> (GenerationRequest, GenerationOptions) {
        let all = (system.map { [ChatMessage(role: .system, content: $0)] } ?? []) + asked
        let text = try template.render(messages: all, addGenerationPrompt: true)
        let count = model.tokenizer.encode(text, addSpecial: false, parseSpecial: options.special ?? true).count
        let room = model.language.contextLength - count
        guard room > 0 else {
            throw MongeError.contextExceeded(
                "the conversation has \(count) tokens, and the model's context holds \(model.language.contextLength); begin a new one")
        }
        var limited = options
        limited.tokens = min(limited.tokens, room)
        // Each reply draws other numbers, and the same reply the same ones.
        return (GenerationRequest(text, steering: steering, stream: asked.count, isRendered: true), limited)
    }
}
