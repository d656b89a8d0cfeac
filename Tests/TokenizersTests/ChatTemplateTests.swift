import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

struct ChatTemplateTests {
    struct Fixture: Decodable {
        struct Message: Decodable {
            let role: String
            let content: String
        }
        struct Case: Decodable {
            let messages: [Message]
            let prompt: Bool
            let text: String
        }
        struct Template: Decodable {
            let template: String
            let bos: String
            let eos: String
            let cases: [Case]
        }
        let templates: [String: Template]
        let unknown: [String: String]
    }

    static func fixtures() throws -> Fixture { try JSONDecoder().decode(Fixture.self, from: fixture("tokenizer/chat.json")) }

    /// Every conversation is written as Jinja writes it.
    @Test func rendersAsJinja() throws {
        let templates = try ChatTemplateTests.fixtures().templates
        #expect(templates.count == 8)
        for (name, item) in templates {
            let template = try ChatTemplate(
                recognising: item.template, beginOfSequence: item.bos, endOfSequence: item.eos, file: name)
            for conversation in item.cases {
                let messages = try conversation.messages.map {
                    ChatMessage(role: try #require(ChatMessage.Role(rawValue: $0.role)), content: $0.content)
                }
                let text = template.render(messages: messages, addGenerationPrompt: conversation.prompt)
                #expect(Array(text.utf8) == Array(conversation.text.utf8), "\(name): \(conversation.text.debugDescription)")
            }
        }
    }

    @Test func recognisesFamilies() throws {
        let templates = try ChatTemplateTests.fixtures().templates
        let expected: [String: ChatTemplate.Family] = [
            "chatml": .chatml, "chatml in other spelling": .chatml, "smollm2": .chatml, "qwen2": .chatml, "qwen2.5": .chatml,
            "llama3": .llama3, "llama3.1": .llama31, "zephyr": .zephyr,
        ]
        for (name, item) in templates {
            let template = try ChatTemplate(recognising: item.template, beginOfSequence: item.bos, endOfSequence: item.eos, file: name)
            #expect(template.family == expected[name], "\(name)")
        }
    }

    /// A layout that differs from a family's is refused rather than rendered wrongly.
    @Test func refusesOthers() throws {
        for (name, template) in try ChatTemplateTests.fixtures().unknown {
            let error = #expect(throws: ModelFileError.self, "\(name)") {
                try ChatTemplate(recognising: template, beginOfSequence: "<s>", endOfSequence: "</s>", file: "model.gguf")
            }
            #expect(error.map { "\($0)" }?.contains("--chat is not available") == true)
        }
    }

    @Test func filesWithoutALayoutAreRefused() throws {
        let file = try GGUFFile(GGUFBuilder.sample.mapped)
        let error = #expect(throws: ModelFileError.self) { try ChatTemplate(file) }
        #expect(error.map { "\($0)" } == "test.gguf: has no chat template, so --chat is not available for this model")
    }

    @Test func smolLM2CarriesItsLayout() throws {
        let template = try ChatTemplate(SmolLM2.file.get())
        #expect(template.family == .chatml)
        #expect(template.defaultSystem == "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
        let text = template.render(messages: [ChatMessage(role: .user, content: "Hi!")], addGenerationPrompt: true)
        let tokenizer = try SmolLM2.tokenizer.get()
        let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        // <|im_start|> is token 1 and <|im_end|> token 2.
        #expect(tokens.filter { $0 == 1 }.count == 3)
        #expect(tokens.filter { $0 == 2 }.count == 2)
        #expect(tokenizer.decode(tokens, includingControl: true) == text)
    }
}
