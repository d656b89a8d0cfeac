import Foundation
import ModelFiles
import Tensors
import Testing

/// Files of every kind, given for others: one sentence says what they are and what to do.
@Suite struct MessageTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    private func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = folder.path(name)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
    private static let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 98000000\n"

    private func expect(_ arguments: [String], says mentions: String..., code: Int32 = 1, _ location: SourceLocation = #_sourceLocation)
        throws
    {
        let result = try Monge.run(arguments)
        #expect(result.code == code && result.output.isEmpty, "\(result.errors)", sourceLocation: location)
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)", sourceLocation: location)
        for mention in mentions { #expect(result.errors.contains(mention), "'\(mention)' in: \(result.errors)", sourceLocation: location) }
    }

    private func small(_ name: String, _ tensors: [String], _ metadata: [String: String] = [:]) throws -> String {
        let path = folder.path(name)
        try SafetensorsWriter.write(
            tensors.map { SafetensorsWriter.Entry(name: $0, shape: [1, 2], floats: [1, 2]) }, metadata: metadata, to: path)
        return path
    }

    /// Everything as a model, a map, sentences, words and activations; and what `inspect` says of it.
    @Test func everyKindIsCalledByItsName() throws {
        let files = [
            (try write("cat.gguf", MessageTests.png), "a PNG picture"),
            (try write("cat", [0xFF, 0xD8, 0xFF, 0xE0, 1, 2]), "a JPEG picture"),
            (try write("a.gz", [0x1F, 0x8B, 8, 0]), "a gzip archive"),
            (
                try write(
                    "pytorch_model.bin", Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 26) + Array("model/data.pkl".utf8)),
                "PyTorch"
            ),
            (try write("a.zip", Array("PK\u{3}\u{4}x".utf8)), "a ZIP archive"),
            (try write("a.pkl", [0x80, 4, 0x95, 0, 0, 0]), "a Python pickle"),
            (try write("a.npy", [0x93] + Array("NUMPY".utf8)), "a NumPy array"),
            (try folder.file("lfs.safetensors", MessageTests.pointer), "a Git LFS pointer"),
            (try folder.file("page.gguf", "<!DOCTYPE html>\n<html></html>"), "a web page"), (try write("empty.gguf", []), "an empty file"),
            (try folder.file("tokenizer.json", #"{"added_tokens": [], "model": {}}"#), "a tokenizer.json"),
            (try folder.file("any.json", #"{"a": 1}"#), "a JSON document"),
            (try folder.file("bench.json", #"{"kernels": [], "ceilings": {}}"#), "bench show"),
            (try small("adapter.safetensors", ["base.q_proj.lora_A.weight"]), "a LoRA adapter"),
            (try small("logits.safetensors", ["logits", "token_ids"]), "a file of logits"),
        ]
        for (file, kind) in files {
            let name = URL(fileURLWithPath: file).lastPathComponent
            try expect(["generate", "-m", file, "-d", "cpu", "x"], says: name, kind, "a GGUF model is expected")
            try expect(["generate", "-m", "smollm2", "-d", "cpu", "-s", file, "x"], says: name, kind, "a transport map is expected")
            try expect(
                ["fit", "--source-activations", file, "--target-activations", file, "-o", folder.path("out")], says: name, kind,
                "activations")
            let inspected = try Monge.run("inspect", file)
            #expect(inspected.code == 0 && inspected.output.contains(kind), "\(inspected.errors)\(inspected.output)")
            #expect(try Monge.run("inspect", file, "--json").code == 0)
        }
        for (file, kind) in files.prefix(9) {
            try expect(["perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", file], says: kind, "a file of sentences")
            try expect(["generate", "-m", "smollm2", "-d", "cpu", "--words", file, "x"], says: kind, "a list of words")
            try expect(["bench", "show", file], says: kind, "bench kernels")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
    }

    @Test func mapsAndActivationsAreToldApart() throws {
        let map = try small("map.safetensors", ["x.omega"], ["format": "monge-transport"])
        let activations = try small("activations.safetensors", ["x"], ["format": "monge-activations"])
        try expect(["generate", "-m", map, "-d", "cpu", "x"], says: "a transport map", "--steer takes it")
        try expect(["generate", "-m", "smollm2", "-d", "cpu", "-s", activations, "x"], says: "a file of activations", "monge fit")
        try expect(["fit", "--source-activations", map, "--target-activations", map, "-o", folder.path("o")], says: "--steer takes it")
        let model = ProcessInfo.processInfo.environment["MONGE_MODELS"] ?? NSHomeDirectory() + "/.cache/monge"
        let gguf = model + "/SmolLM2-135M-Instruct.Q4_1.gguf"
        try expect(["generate", "-m", "smollm2", "-d", "cpu", "-s", gguf, "x"], says: "a GGUF model", "--model takes it")
        try expect(["perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", gguf], says: "a GGUF model", "--model takes it")
        // By contents, not by suffix.
        let renamed = folder.path("renamed.txt")
        symlink(gguf, renamed)
        #expect(try Monge.run("inspect", renamed).output.contains("sites, in execution order"))
        let hidden = try small("activations.gguf", ["x"], ["format": "monge-activations"])
        #expect(try Monge.run("inspect", hidden).output.contains("a file of activations"))
    }

    @Test func foldersAndFilesWithinThem() throws {
        let tiny = CLIFixtures.url("tiny-llama/f32").path
        for file in ["model.safetensors", "config.json"] {
            try expect(["generate", "-m", "\(tiny)/\(file)", "-d", "cpu", "x"], says: file, "--model \(tiny)", code: 2)
        }
        try expect(["generate", "-m", folder.url.path, "-d", "cpu", "x"], says: "an empty folder")
        _ = try write("a.gguf", [1])
        try expect(["generate", "-m", folder.url.path, "-d", "cpu", "x"], says: "--model \(folder.url.path)/a.gguf")
        _ = try write("b.gguf", [1])
        try expect(["generate", "-m", folder.url.path, "-d", "cpu", "x"], says: "a.gguf, b.gguf")
        _ = try folder.file("adapter_config.json", "{}")
        try expect(["inspect", folder.url.path], says: "LoRA adapter")
        try expect(["perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", folder.url.path], says: "is a folder")
        // A pointer in the place of a folder's file.
        let copy = folder.path("copy")
        try FileManager.default.copyItem(atPath: tiny, toPath: copy)
        _ = try folder.file("copy/model.safetensors", MessageTests.pointer)
        try expect(["generate", "-m", copy, "-d", "cpu", "x"], says: "copy/model.safetensors is a Git LFS pointer", "git lfs pull")
        _ = try folder.file("copy/config.json", "\u{FEFF}{}")
        try expect(["generate", "-m", copy, "-d", "cpu", "x"], says: "config.json", "byte-order mark")
        _ = try folder.file("copy/config.json", "{\n  \"rope_scaling\": {\"factor\": NaN}}")
        try expect(["generate", "-m", copy, "-d", "cpu", "x"], says: "has NaN", "'rope_scaling.factor'", "line 2")
    }

    @Test func promptsAndSentencesThatAreTooLong() throws {
        let long = String(repeating: "word ", count: 9000)
        let prompts = try folder.file("prompts.txt", "Hello\nWorld\nOverlong \(long)\n")
        let refused = try Monge.run("generate", "-m", "smollm2", "-d", "cpu", "--prompts", prompts)
        #expect(refused.code == 2 && refused.errors.contains("prompt 3 ('Overlong word word"), "\(refused.errors)")
        let sentences = try folder.file("sentences.txt", "a short one\n\(String(repeating: "word ", count: 200))\na short one, too\n")
        let cut = "1 of 3 sentences is longer than 128 tokens and was cut; --max-tokens keeps more"
        let perplexity = try Monge.run("perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", sentences)
        #expect(perplexity.code == 0 && perplexity.errors.contains(cut), "\(perplexity.errors)")
        let whole = try Monge.run("perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", sentences, "--max-tokens", "300")
        #expect(whole.code == 0 && !whole.errors.contains("cut"), "\(whole.errors)")
        let out = folder.path("out.safetensors")
        let activations = try Monge.run(
            "activations", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--sentences", sentences, "-o", out)
        #expect(activations.code == 0 && activations.errors.contains(cut), "\(activations.errors)")
        for estimation in ["causal", "simultaneous"] {
            let fit = try Monge.run(
                "fit", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--estimation", estimation, "--source", sentences, "--target",
                sentences, "-o", out)
            #expect(fit.code == 0, "\(fit.errors)")
            #expect(fit.errors.contains("1 of 3 source sentences") && fit.errors.contains("1 of 3 target sentences"), "\(fit.errors)")
        }
    }

    @Test func tablesWithoutAColumn() throws {
        let semicolons = try folder.file("a.csv", "id;comment;label\n1;Good, really good;0\n2;\"Bad; and worse\";1\n")
        try expect(
            ["perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", semicolons], says: "a.csv", "'id', 'comment', 'label'", "--column")
        let result = try Monge.run("perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", semicolons, "--column", "comment", "--json")
        #expect(result.code == 0 && result.output.contains("\"sentences\" : 2"), "\(result.errors)")
        let one = try folder.file("b.csv", "comment\nGood really good\n\nGood really good\n")
        let single = try Monge.run("perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", one, "--json")
        #expect(single.code == 0 && single.output.contains("\"sentences\" : 2"), "\(single.errors)")
        let empty = try folder.file("empty.txt", "\n \n")
        try expect(
            ["fit", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--source", one, "--target", empty, "-o", folder.path("o")],
            says: "empty.txt", "no sentences")
        let same = try folder.file("same.txt", "Twice.\nTwice.\n")
        let fit = try Monge.run(
            "fit", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--source", same, "--target", one, "--column", "comment", "-o",
            folder.path("o"))
        #expect(fit.code == 1 && fit.errors.contains("same.txt") && fit.errors.contains("no columns"), "\(fit.errors)")
        let warned = try Monge.run(
            "fit", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--source", same, "--target", one, "-o", folder.path("o"))
        #expect(warned.errors.contains("all 2 source sentences are the same"), "\(warned.errors)")
    }
}
