import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

struct ChatTemplateTests {
    static let hello = [ChatMessage(role: .user, content: "Hi")]

    @Test func specialTokensAreVariables() throws {
        let template = try ChatTemplate(
            "{{ bos_token }}{{ messages[0].content }}{{ zz }}{{ tools is none }}", specialTokens: ["bos_token": "<s>"], file: "x")
        #expect(try template.render(messages: ChatTemplateTests.hello, addGenerationPrompt: false) == "<s>HiTrue")
    }

    @Test func errorsAreSentences() throws {
        let conversation = ChatTemplateTests.hello
        func message(_ source: String) -> String {
            do throws(ChatTemplateError) {
                return try ChatTemplate(source, file: "m.gguf").render(messages: conversation, addGenerationPrompt: true)
            } catch { return "\(error)" }
        }
        #expect(message("{{ raise_exception('Only tools!') }}") == "m.gguf: the chat template refuses this conversation: Only tools!")
        #expect(
            message("\n{{ messages[0].a.b }}")
                == "m.gguf: the chat template fails on this conversation, in line 2: 'dict object' has no attribute 'a'")
        #expect(message("{% include 'x' %}") == "m.gguf: the chat template cannot be run here, line 1: the tag 'include' is not supported")
        #expect(message("{{ 'a' * 99999999 }}").hasPrefix("m.gguf: the chat template goes beyond what is allowed, in line 1: "))
        #expect(message("{% if x").hasPrefix("m.gguf: the chat template is no Jinja, in line 1: "))
    }

    @Test func filesWithoutALayoutAreRefused() throws {
        let file = try GGUFFile(GGUFBuilder.sample.mapped)
        let error = #expect(throws: ModelFileError.self) { try ChatTemplate(file) }
        #expect(error.map { "\($0)" } == "test.gguf: has no chat template, so --chat is not available for this model")
    }

    /// Several templates go by name: the one for tools is taken when there are tools.
    @Test func namedTemplatesOfGGUF() throws {
        var builder = GGUFBuilder.sample
        builder.add("tokenizer.chat_templates", 9, GGUFBuilder.strings(["tool_use"]))
        builder.add("tokenizer.chat_template.tool_use", "tools: {{ tools|tojson }}")
        let onlyTools = try ChatTemplate(GGUFFile(builder.mapped))
        #expect(throws: ChatTemplateError.withoutDefault(file: "test.gguf", names: ["tool_use"])) {
            try onlyTools.render(messages: ChatTemplateTests.hello, addGenerationPrompt: false)
        }
        builder.add("tokenizer.chat_template", "{{ bos_token }}: {{ messages[0].content }}")
        let template = try ChatTemplate(GGUFFile(builder.mapped))
        #expect(try template.render(messages: ChatTemplateTests.hello, addGenerationPrompt: false) == "<s>: Hi")
        let withTools = ChatInput(messages: ChatTemplateTests.hello, tools: [.string("t")])
        #expect(try template.render(withTools, addGenerationPrompt: false) == "tools: [\"t\"]")
    }

    @Test func conversationsAreRead() throws {
        func read(_ text: String) throws -> ChatInput { try ChatInput(MappedFile(contents: Data(text.utf8), name: "c.json")) }
        let input = try read(
            #"{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"x","n":1}],"tools":[{"b":1}],"#
                + #""chat_template_kwargs":{"enable_thinking":false}}"#)
        #expect(input.messages.map(\.role) == ["user", "x"])
        #expect(input.tools?.count == 1)
        let template = try ChatTemplate(
            "{{ messages[0].content[0].text }}{{ messages[1].n }}{{ tools[0].b }}{{ enable_thinking }}{{ documents is none }}", file: "x")
        #expect(try template.render(input, addGenerationPrompt: false) == "a11FalseTrue")
        #expect(try read(#"[{"role":"user","content":"a"}]"#).messages == [ChatMessage(role: .user, content: "a")])
        for (text, part) in [
            ("[]", "no messages"), ("3", "neither an array"), (#"[{"content":"a"}]"#, "message 1 has no text under 'role'"),
            (#"["a"]"#, "message 1 is a string"), (#"{"messages":[{"role":"a"}],"tools":3}"#, "tools"),
            (#"{"messages":[{"role":"a"}],"x":3}"#, "'x'"),
        ] {
            let error = #expect(throws: ModelFileError.self, "\(text)") { try read(text) }
            #expect(error.map { "\($0)" }?.contains(part) == true, "\(String(describing: error))")
        }
    }

    @Test func smolLM2CarriesItsLayout() throws {
        let template = try ChatTemplate(SmolLM2.file.get())
        let text = try template.render(messages: [ChatMessage(role: .user, content: "Hi!")], addGenerationPrompt: true)
        #expect(
            text == "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
                + "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n")
        let tokenizer = try SmolLM2.tokenizer.get()
        let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        // <|im_start|> is token 1 and <|im_end|> token 2.
        #expect(tokens.filter { $0 == 1 }.count == 3)
        #expect(tokens.filter { $0 == 2 }.count == 2)
        #expect(tokenizer.decode(tokens, includingControl: true) == text)
    }
}
