import Foundation
import ModelFiles
import Testing

/// `--memory`: the same maps within a budget, in a process of its own, whose peak the system tells.
@Suite(.serialized) struct MemoryBudgetTests {
    private func sentences(_ words: [String], count: Int) -> String {
        (0..<count).map { "The \(words[$0 % words.count]) number \($0) is \(words[($0 / 3) % words.count]) and it rains again." }
            .joined(separator: "\n")
    }

    /// The tensors of a map file.
    private func tensors(_ path: String) throws -> [String: [UInt8]] {
        let file = try SafetensorsFile(path: path)
        return Dictionary(uniqueKeysWithValues: try file.tensorNames.map { ($0, Array(try file.tensor($0).bytes)) })
    }

    @Test(arguments: ["causal", "simultaneous"])
    func aBudgetIsKeptAndChangesNothing(estimation: String) throws {
        let folder = try Folder()
        func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }
        try sentences(["cat", "dog", "bird", "tree"], count: 400).write(toFile: path("source.txt"), atomically: true, encoding: .utf8)
        try sentences(["goal", "team", "match", "coach", "fan"], count: 400).write(
            toFile: path("target.txt"), atomically: true, encoding: .utf8)
        // Several sites within a stage, and both halves of a block; all samples together exceed what one site needs by far.
        let command = [
            "fit", "--model", "smollm2", "--device", "cpu", "--source", path("source.txt"), "--target", path("target.txt"), "--estimation",
            estimation, "--sites", #"model\.layers\.[0-2]\.(input_layernorm|self_attn\.[kqo]_proj|mlp\..*_proj)"#, #"model\.layers\.[01]"#,
        ]
        let free = try Monge.run(command + ["--out", path("free.safetensors")])
        #expect(free.code == 0, "\(free.errors)")
        let refused = try Monge.run(command + ["--out", path("refused.safetensors"), "--memory", "50M"])
        #expect(refused.code == 2 && !FileManager.default.fileExists(atPath: path("refused.safetensors")))
        let least = try #require(refused.errors.firstMatch(of: /([0-9.]+) ([MG]B) would do/), "\(refused.errors)")
        let bounded = try Monge.run(command + ["--out", path("bounded.safetensors"), "--memory", "\(least.1)\(least.2)"])
        #expect(bounded.code == 0, "what the refusal said would do does: \(bounded.errors)")
        #expect(bounded.errors.contains(estimation == "causal" ? "to a temporary file" : "passes over the sentences"))
        let peak = try #require(bounded.errors.firstMatch(of: /at most ([0-9.]+) MB of ([0-9.]+) MB were resident/), "\(bounded.errors)")
        #expect(try #require(Double(peak.1)) <= 1.1 * #require(Double(peak.2)))
        #expect(try tensors(path("bounded.safetensors")) == tensors(path("free.safetensors")))
    }

    @Test func sizesAreReadOrRefused() throws {
        for size in ["12X", "-3M", "", "M"] {
            let result = try Monge.run(
                "fit", "--model", "smollm2", "--source", "a", "--target", "b", "--sites", "x", "--out", "c", "--memory=\(size)")
            #expect(result.code == 2 && result.errors.contains("memory"), "\(size): \(result.errors)")
        }
    }
}
