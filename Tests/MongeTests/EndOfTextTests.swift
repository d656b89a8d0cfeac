import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing

/// A text ends at every token that the files call an end: in any place for folders, as llama.cpp for GGUF files.
@Suite struct EndOfTextTests {
    private func expect(_ url: URL, ends: Bool, _ what: String) throws {
        let model = try Model.load(url, on: DeviceChoice.cpu.open())
        let generation = try model.generate([GenerationRequest("A")], options: GenerationOptions(tokens: 5, temperature: 0))[0]
        #expect(generation.text == (ends ? "B" : "BCCC"), "\(what)")
        #expect(generation.isFinished == ends, "\(what)")
    }

    @Test func folders() throws {
        let generation = "generation_config.json"
        let tokenizer = ["eos_token": "<|endoftext|>"]
        let cases: [(what: String, config: [String: Any], files: [String: [String: Any]], ends: Bool)] = [
            ("a list beside the tokenizer's", [:], [generation: ["eos_token_id": [0, 3]], "tokenizer_config.json": tokenizer], true),
            ("one number", [:], [generation: ["eos_token_id": 3]], true),
            ("the model's settings", ["eos_token_id": 3], [:], true),
            ("a list in the model's settings", ["eos_token_id": [0, 3]], ["tokenizer_config.json": tokenizer], true),
            ("the model's settings, where those for generation are silent", ["eos_token_id": 3], [generation: ["temperature": 1]], true),
            (
                "the tokenizer's beside others", [:], [generation: ["eos_token_id": 0], "tokenizer_config.json": ["eos_token": "<stop>"]],
                true
            ),
            ("the model's settings beside those for generation", ["eos_token_id": 3], [generation: ["eos_token_id": 0]], true),
            ("no token of the vocabulary", [:], [generation: ["eos_token_id": [-1, 99]]], false),
            ("nothing", [:], [:], false),
        ]
        for each in cases {
            try SuccessorModel.withFolder(config: each.config, files: each.files) { try expect($0, ends: each.ends, each.what) }
        }
    }

    @Test func somethingElseThanNumbersIsRefused() throws {
        try SuccessorModel.withFolder(files: ["generation_config.json": ["eos_token_id": "</s>"]]) { url in
            let error = #expect(throws: ModelFileError.self) { try Model.load(url, on: DeviceChoice.cpu.open()) }
            #expect(error.map { "\($0)" }?.contains("eos_token_id") == true)
        }
    }

    @Test func files() throws {
        for key in ["eos", "eot", "eom", "fim_pad"] {
            var builder = SuccessorModel.gguf()
            builder.add("tokenizer.ggml.\(key)_token_id", 4, GGUFBuilder.bytes(UInt32(3)))
            if key != "eos" { builder.add("tokenizer.ggml.eos_token_id", 4, GGUFBuilder.bytes(UInt32(0))) }
            try SuccessorModel.withFile(builder) { try expect($0, ends: true, key) }
        }
        for name in ["<|eot_id|>", "<|im_end|>", "<end_of_turn>", "</s>", "<|end|>", "<|fim_pad|>"] {
            var texts = SuccessorModel.texts
            texts[3] = name
            try SuccessorModel.withFile(SuccessorModel.gguf(texts: texts)) { try expect($0, ends: true, name) }
        }
        // Within a message of several parts <|end|> ends one of them only.
        var parts = SuccessorModel.texts
        parts.replaceSubrange(5...6, with: ["<|return|>", "<|call|>"])
        parts[3] = "<|end|>"
        let builder = SuccessorModel.gguf(texts: parts)
        try SuccessorModel.withFile(builder) { url in
            let model = try Model.load(url, on: DeviceChoice.cpu.open())
            #expect(model.tokenizer.stopTokens == [0, 5, 6])
        }
    }

    /// A token that was added to the tokenizer and not to the model, usually for padding, does no harm until it is used.
    @Test func tokensBeyondTheEmbedding() throws {
        try SuccessorModel.withFolder(config: ["eos_token_id": 3, "pad_token_id": 8], added: ["<pad>"]) { url in
            try expect(url, ends: true, "a padding token")
            let model = try Model.load(url, on: DeviceChoice.cpu.open())
            #expect(model.tokenizer.vocabularySize == 9)
            let error = #expect(throws: ModelError.self) { try model.generate("A<pad>", options: GenerationOptions(tokens: 2)) }
            #expect(error == .tokenOutOfRange(8, vocabulary: 8))
        }
    }
}
