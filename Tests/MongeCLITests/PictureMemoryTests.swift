import Foundation
import ModelFiles
import Testing

/// `--memory` of pictures: the same ones within a budget, in a process of its own, whose peak the system tells.
@Suite(.serialized) struct PictureMemoryTests {
    private static let emoji = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/emoji/model").path

    private func expectKept(_ errors: String) throws {
        let peak = try #require(errors.firstMatch(of: /at most ([0-9.]+) MB of ([0-9.]+) MB were resident/), "\(errors)")
        let (most, budget) = (try #require(Double(peak.1)), try #require(Double(peak.2)))
        #expect(most <= budget, "\(errors)")
    }

    @Test func aBudgetIsKeptAndChangesNoPicture() throws {
        let folder = try Folder()
        func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }
        func image(_ name: String, _ arguments: [String]) throws -> Monge.Result {
            try Monge.run(
                ["image", "--model", Self.emoji, "--device", "cpu", "--steps", "2", "--count", "2"] + arguments + [
                    "--save-latents", path(name), "--out", path("\(name).png"), "a red apple",
                ])
        }
        func files(_ name: String) throws -> [Data] {
            try [name, "\(name).png"].map { try Data(contentsOf: URL(fileURLWithPath: path($0))) }
        }
        let free = try image("free", [])
        #expect(free.code == 0, "\(free.errors)")
        let refused = try image("refused", ["--memory", "20M"])
        #expect(refused.code == 2 && !FileManager.default.fileExists(atPath: path("refused.png")), "\(refused.errors)")
        let least = try #require(refused.errors.firstMatch(of: /([0-9.]+) MB would do/), "\(refused.errors)")
        let bounded = try image("bounded", ["--memory", "\(least.1)M"])
        #expect(bounded.code == 0, "what the refusal said would do does: \(bounded.errors)")
        #expect(
            bounded.errors.contains("weights are loaded and released in turn") && bounded.errors.contains("is read anew"),
            "\(bounded.errors)")
        try expectKept(bounded.errors)
        #expect(try files("bounded")[0] == files("free")[0], "the same latents")
        let ample = try image("ample", ["--memory", "2000M"])
        #expect(ample.errors.contains("all weights stay") && ample.errors.contains("up to 2 are drawn together"), "\(ample.errors)")
        #expect(try files("ample") == files("free"))
        let quantised = try image("quantised", ["--memory", "\(least.1)M", "--weights", "q8_0"])
        #expect(quantised.code == 0 && quantised.errors.contains("become q8_0"), "\(quantised.errors)")
        try expectKept(quantised.errors)
        let unbounded = try image("unbounded", ["--weights", "q8_0"])
        #expect(unbounded.code == 0)
        #expect(try files("quantised")[0] == files("unbounded")[0])
    }

    @Test func fitsKeepABudget() throws {
        let folder = try Folder()
        func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }
        for (name, suffix) in [("source", ""), ("target", " in red")] {
            try ["cat", "dog", "bird", "tree", "house", "car"].map { "a \($0)\(suffix)" }.joined(separator: "\n")
                .write(toFile: path("\(name).txt"), atomically: true, encoding: .utf8)
        }
        func fit(_ name: String, _ arguments: [String]) throws -> Monge.Result {
            try Monge.run(
                [
                    "fit", "--model", Self.emoji, "--device", "cpu", "--source", path("source.txt"), "--target", path("target.txt"),
                    "--sites",
                    #"unet\..*norm2"#, "--out", path(name),
                ] + arguments)
        }
        /// The tensors of a map file, in the order of the file.
        func tensors(_ name: String) throws -> [[UInt8]] {
            let file = try SafetensorsFile(path: path(name))
            return try file.tensorNames.map { Array(try file.tensor($0).bytes) }
        }
        let free = try fit("free", [])
        #expect(free.code == 0, "\(free.errors)")
        let refused = try fit("refused", ["--memory", "20M"])
        let least = try #require(refused.errors.firstMatch(of: /([0-9.]+) MB would do/), "\(refused.errors)")
        let bounded = try fit("bounded", ["--memory", "\(least.1)M"])
        #expect(refused.code == 2 && bounded.code == 0, "\(bounded.errors)")
        try expectKept(bounded.errors)
        #expect(try tensors("bounded") == tensors("free"))
    }

    @Test func typesAreReadOrRefused() throws {
        for type in ["f16", "q3_K"] {
            let result = try Monge.run("image", "--model", Self.emoji, "--weights=\(type)", "--out", "x.png", "a cat")
            #expect(result.code == 2 && result.errors.contains("--weights") && result.errors.contains("q4_K"), "\(type): \(result.errors)")
        }
        let folder = try Folder()
        let texts = try folder.file("texts.txt", "a cat")
        let words = try Monge.run(
            "fit", "--model", "smollm2", "--source", texts, "--target", texts, "--sites", "x", "--weights", "q8_0", "--out", "x")
        #expect(words.code == 2 && words.errors.contains("--weights is of pictures"), "\(words.errors)")
        let inspected = try Monge.run("inspect", Self.emoji)
        #expect(inspected.output.contains("--weights q4_K") && inspected.output.contains("text_encoder"), "\(inspected.output)")
    }
}
