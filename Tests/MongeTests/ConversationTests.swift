import Monge
import Testing
import Tokenizers

/// Conversations, and continuations that are handed on as they are made.
struct ConversationTests {
    static let greedy = GenerationOptions(tokens: 24, temperature: 0)

    /// The parts add up to the text, none of them with half a character.
    @Test func partsAddUp() throws {
        let model = try TestModel.load(.cpu)
        let requests = ["Once upon a time", "😀 emoji: 😀 😃 😄 😁", "The capital of France"].map { GenerationRequest($0) }
        var parts = [String](repeating: "", count: requests.count)
        var count = 0
        let options = GenerationOptions(tokens: 30, temperature: 1, seed: 3)
        let generations = try model.generate(
            requests, options: options,
            onPart: { part in
                parts[part.request] += part.text
                count += 1
                return true
            })
        #expect(parts == generations.map(\.text))
        #expect(count > 60)
        #expect(try model.generate(requests, options: options) == generations)
    }

    /// A handler that has had enough ends the continuation, and what it was given is the text.
    @Test func aHandlerEndsIt() throws {
        let model = try TestModel.load(.cpu)
        var text = ""
        let generation = try model.generate(
            [GenerationRequest("Once upon a time")], options: ConversationTests.greedy,
            onPart: { part in
                text += part.text
                return text.count < 20
            })[0]
        #expect(generation.text == text)
        #expect(generation.tokens.count < 15 && !generation.isFinished)
    }

    /// Each turn is what the model makes of all turns before, written in its layout.
    @Test func turnsFollowEachOther() throws {
        let model = try TestModel.load(.cpu)
        let conversation = try Conversation(with: model, system: "You are brief.", options: ConversationTests.greedy)
        var messages = [ChatMessage(role: .system, content: "You are brief.")]
        for text in ["My name is Ada.", "What is my name?"] {
            messages.append(ChatMessage(role: .user, content: text))
            let prompt = try model.chatTemplate().render(messages: messages, addGenerationPrompt: true)
            let expected = try model.generate([GenerationRequest(prompt, isRendered: true)], options: ConversationTests.greedy)[0]
            var streamed = ""
            let reply = try conversation.send(text) { part in
                streamed += part
                return true
            }
            #expect(reply.text == expected.text && streamed == expected.text)
            messages.append(ChatMessage(role: .assistant, content: reply.text))
        }
        #expect(conversation.messages == Array(messages.dropFirst()))
        conversation.reset()
        #expect(conversation.messages.isEmpty)
        #expect(throws: MongeError.self) { try conversation.replies(at: [0]) }
    }

    /// A user's message in the chat layout is the same as a conversation of one message.
    @Test func chatIsAConversation() throws {
        let model = try TestModel.load(.cpu)
        var options = ConversationTests.greedy
        options.chat = true
        let prompt = try model.chatTemplate().render(messages: [ChatMessage(role: .user, content: "Hi!")], addGenerationPrompt: true)
        let rendered = try model.generate([GenerationRequest(prompt, isRendered: true)], options: ConversationTests.greedy)
        #expect(try model.generate([GenerationRequest("Hi!")], options: options) == rendered)
    }

    /// Names of control tokens stand for them when asked for.
    @Test func controlTokensAreReadWhenAskedFor() throws {
        let model = try TestModel.load(.cpu)
        var options = ConversationTests.greedy
        let prompt = try model.chatTemplate().render(messages: [ChatMessage(role: .user, content: "Hi!")], addGenerationPrompt: true)
        let rendered = try model.generate([GenerationRequest(prompt, isRendered: true)], options: options)
        let plain = try model.generate([GenerationRequest(prompt)], options: options)
        options.special = true
        // This model puts no token before a text.
        #expect(try model.generate([GenerationRequest(prompt)], options: options) == rendered)
        #expect(plain != rendered)
        options.special = false
        #expect(try model.generate([GenerationRequest(prompt)], options: options) == plain)
    }
}
