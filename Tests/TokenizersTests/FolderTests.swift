import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

struct FolderTests {
    static func write(_ text: String, to path: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

    /// The tokenizer and the layout of conversations come with the weights.
    @Test func tokenizerAndLayoutAreRead() throws {
        try withTemporaryFolder { path in
            try FolderTests.write("{}", to: path + "/config.json")
            try SafetensorsWriter.write([.init(name: "a", shape: [1], floats: [1])], to: path + "/model.safetensors")
            try fixture("tokenizer/tiny/llama-bpe.json").write(to: URL(filePath: path + "/tokenizer.json"))
            let settings =
                [
                    "bos_token": "<|endoftext|>", "eos_token": ["content": "<|im_end|>", "special": true] as [String: Any],
                    "chat_template": [
                        ["name": "tool_use", "template": "{{ tools[0] }}"],
                        ["name": "default", "template": "{{ bos_token }}{{ eos_token }}{{ messages[0].content }}"],
                    ],
                ] as [String: Any]
            try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: path + "/tokenizer_config.json"))
            let folder = try HuggingFaceFolder(path: path)
            let tokenizer = try folder.tokenizer()
            #expect(tokenizer.beginOfSequence == 500)
            #expect(tokenizer.endOfSequence == 502)
            #expect(tokenizer.stopTokens == [502])
            let hello = [ChatMessage(role: .user, content: "Hi")]
            #expect(try folder.chatTemplate().render(messages: hello, addGenerationPrompt: false) == "<|endoftext|><|im_end|>Hi")
            let withTools = ChatInput(messages: hello, tools: [.string("t")])
            #expect(try folder.chatTemplate().render(withTools, addGenerationPrompt: false) == "t")

            // A file of its own comes before the settings, and one for processors after them.
            try FolderTests.write(#"{"chat_template":"processor"}"#, to: path + "/chat_template.json")
            #expect(try folder.chatTemplate().render(messages: hello, addGenerationPrompt: false) == "<|endoftext|><|im_end|>Hi")
            try FolderTests.write("file {{ eos_token }}", to: path + "/chat_template.jinja")
            #expect(try folder.chatTemplate().render(withTools, addGenerationPrompt: false) == "file <|im_end|>")
            try FileManager.default.createDirectory(atPath: path + "/additional_chat_templates", withIntermediateDirectories: false)
            try FolderTests.write("tools", to: path + "/additional_chat_templates/tool_use.jinja")
            #expect(try folder.chatTemplate().render(withTools, addGenerationPrompt: false) == "tools")
            try FileManager.default.removeItem(atPath: path + "/chat_template.jinja")
            try FileManager.default.removeItem(atPath: path + "/additional_chat_templates")

            // Without settings the numbers of the model's configuration count.
            try FileManager.default.removeItem(atPath: path + "/tokenizer_config.json")
            #expect(try folder.chatTemplate().render(messages: hello, addGenerationPrompt: false) == "processor")
            try FolderTests.write(#"{"bos_token_id":501,"eos_token_id":[503,502]}"#, to: path + "/config.json")
            let bare = try HuggingFaceFolder(path: path).tokenizer()
            #expect(bare.beginOfSequence == 501)
            #expect(bare.endOfSequence == 503)
            #expect(bare.stopTokens == [502, 503])
            try FolderTests.write(#"{"bos_token_id":507}"#, to: path + "/config.json")
            #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: path).tokenizer() }
        }
    }
}
