import Foundation
import ModelFiles
import TestSupport
import Testing

struct FileKindTests {
    private static func kind(_ bytes: [UInt8]) -> String { FileKind(MappedFile(contents: bytes, name: "x")).name }

    private static func gguf(_ values: [String: String]) -> [UInt8] {
        var builder = GGUFBuilder()
        for (key, value) in values { builder.add(key, value) }
        return builder.bytes
    }

    @Test(arguments: [
        (["general.architecture": "llama"], "a GGUF model"), (["general.architecture": "controlvector"], "a GGUF control vector"),
        (["general.architecture": "llama", "general.type": "adapter"], "a LoRA adapter in GGUF"),
        (["general.architecture": "clip", "general.type": "mmproj"], "a GGUF file of an image or audio encoder (mmproj)"),
        (["general.architecture": "clip"], "a GGUF file of an image or audio encoder (mmproj)"),
        (["general.type": "imatrix"], "an importance matrix in GGUF"),
    ])
    func ggufFilesByTheirMetadata(_ values: [String: String], _ name: String) throws {
        #expect(Self.kind(Self.gguf(values)) == name)
        let file = try GGUFFile(MappedFile(contents: Self.gguf(values), name: "x.gguf"))
        if name == "a GGUF model" {
            try file.requireModel()
        } else {
            #expect(throws: ModelFileError.self) { try file.requireModel() }
        }
    }

    @Test func otherFilesByTheirFirstBytes() {
        for (bytes, name) in [
            (Array("GGUF".utf8) + [0, 0, 0, 3], "a big-endian GGUF file"),
            (Array("tjgg".utf8), "a model in a format of ggml from before GGUF"),
            (Array("<HTML><body>".utf8), "a web page"), (Array("\u{FEFF} {\"a\": 1}".utf8), "a JSON document"),
            (Array("{\"text\": 1}\n{\"text\": 2}\n".utf8), "a file of JSON lines"),
            (Array("[{\"role\": \"user\"}]".utf8), "a conversation"),
            (Array("{\"peft_type\": \"LORA\"}".utf8), "the configuration of a LoRA adapter"),
            (Array("{\"weight_map\": {}}".utf8), "an index of weights"),
            (Array("{\"model_type\": \"llama\"}".utf8), "a model's config.json"),
            (Array("Hello, wörld\n".utf8), "plain text"), ([0xFF, 0xFE, 0x41, 0x00], "a text in UTF-16"),
            ([0, 1, 2, 3], "a file of an unknown kind"),
            ([0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "a PyTorch checkpoint"), ([], "an empty file"),
            (Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBPVP8 ".utf8), "a WebP picture"),
            ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard archive"),
            (Array(repeating: 0x61, count: 257) + Array("ustar".utf8) + [0], "a tar archive"),
            // A character that is cut where the beginning ends.
            (Array(String(repeating: "a", count: 65_535).utf8) + Array("é and more".utf8), "plain text"),
        ] { #expect(Self.kind(bytes) == name, "\(bytes.prefix(12))") }
    }

    /// The first bytes of any file, cut or broken, give some kind and no trap.
    @Test func anyBytesHaveAKind() {
        var random = SplitMix64(seed: 11)
        let samples = [GGUFBuilder.sample.bytes, Array("PK\u{3}\u{4} /data.pkl".utf8), Array("{\"a\": [1, {\"b\": null}]}".utf8)]
        for sample in samples {
            for _ in 0..<300 { #expect(!Self.kind(Corruption.corrupt(sample, samples[0], &random)).isEmpty) }
            for length in 0..<min(sample.count, 64) { #expect(!Self.kind(Array(sample.prefix(length))).isEmpty) }
        }
    }
}
