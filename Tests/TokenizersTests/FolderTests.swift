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
            let layouts = try ChatTemplateTests.fixtures().templates
            let llama3 = try #require(layouts["llama3"])
            let settings =
                [
                    "bos_token": "<|endoftext|>", "eos_token": ["content": "<|im_end|>", "special": true] as [String: Any],
                    "chat_template": [["name": "tool_use", "template": "x"], ["name": "default", "template": llama3.template]],
                ] as [String: Any]
            try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: path + "/tokenizer_config.json"))
            let folder = try HuggingFaceFolder(path: path)
            let tokenizer = try folder.tokenizer()
            #expect(tokenizer.beginOfSequence == 500)
            #expect(tokenizer.endOfSequence == 502)
            #expect(tokenizer.stopTokens == [502])
            let hello = [ChatMessage(role: .user, content: "Hi")]
            let text = try folder.chatTemplate().render(messages: hello, addGenerationPrompt: false)
            #expect(text == "<|endoftext|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>")

            try FolderTests.write(layouts["chatml"]?.template ?? "", to: path + "/chat_template.jinja")
            #expect(try folder.chatTemplate() == .chatml)

            // Without settings the numbers of the model's configuration count.
            try FileManager.default.removeItem(atPath: path + "/tokenizer_config.json")
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
