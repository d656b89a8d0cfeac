import Foundation
import Testing

/// Runs the built `monge` as a user does.
struct Monge {
    struct Result {
        var code: Int32
        var output: String
        var errors: String
    }

    static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
        try run(arguments, environment: environment)
    }

    /// - Parameter input: What a pipe at standard input gives; nothing is there when nil.
    static func run(_ arguments: [String], environment: [String: String] = [:], input: String? = nil) throws -> Result {
        try run(#require(executable, "monge is not built beside the tests"), arguments, environment, input)
    }

    /// Runs a line of a shell that finds `monge`.
    static func shell(_ line: String) throws -> Result { try shell(line, "/bin/sh") }

    static func bash(_ line: String) throws -> Result { try shell(line, "/bin/bash") }

    private static func shell(_ line: String, _ program: String) throws -> Result {
        let folder = try #require(executable, "monge is not built beside the tests").deletingLastPathComponent().path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try run(URL(fileURLWithPath: program), ["-c", line], ["PATH": "\(folder):\(path)"])
    }

    private static func run(
        _ program: URL, _ arguments: [String], _ environment: [String: String], _ input: String? = nil
    ) throws -> Result {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        let source = Pipe()
        process.standardInput = input == nil ? FileHandle.nullDevice : source
        try process.run()
        // Shorter than a pipe holds.
        if let input { try source.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try source.fileHandleForWriting.close()
        // Standard error stays far below a pipe's size; standard output is read first.
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let errorText = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: errorText, as: UTF8.self))
    }

    /// The executable lies beside the test program.
    static var executable: URL? {
        let programs = [CommandLine.arguments[0]] + Bundle.allBundles.map(\.bundlePath)
        return programs.map { URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("monge") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}

/// A folder of its own for each test.
final class Folder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String, _ text: String) throws -> String {
        let file = url.appendingPathComponent(name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// A wrong call or bad data gets one sentence, the right exit code, and leaves nothing behind.
@Suite struct BadInputTests {
    /// One line that says something, on standard error; nothing on standard output.
    private func expectRefusal(_ result: Monge.Result, code: Int32, mentions: String, _ location: SourceLocation = #_sourceLocation) {
        #expect(result.code == code, "\(result.errors)", sourceLocation: location)
        #expect(result.output.isEmpty, sourceLocation: location)
        #expect(result.errors.contains(mentions), "'\(mentions)' in: \(result.errors)", sourceLocation: location)
        #expect(!result.errors.contains("Fatal error"), sourceLocation: location)
    }

    @Test func askedWrongly() throws {
        let folder = try Folder()
        let words = try folder.file("a.txt", "one sentence\nanother sentence\n")
        expectRefusal(try Monge.run("generate", "--model", "smollm2"), code: 2, mentions: "prompt")
        expectRefusal(try Monge.run("generate", "--model", "no-such-model", "x"), code: 2, mentions: "no-such-model")
        expectRefusal(try Monge.run("generate", "--model", "smollm2", "--top-p", "1.5", "--device", "cpu", "x"), code: 2, mentions: "top-p")
        expectRefusal(try Monge.run("generate", "--model", "smollm2", "--device", "gpu", "x"), code: 2, mentions: "gpu")
        expectRefusal(
            try Monge.run("generate", "--model", "smollm2", "--device", "cpu", "--tokens", "100000", "x"), code: 2, mentions: "context")
        expectRefusal(try Monge.run("nonsense"), code: 2, mentions: "nonsense")
        let out = folder.path("map.safetensors")
        expectRefusal(
            try Monge.run(
                "fit", "--model", "smollm2", "--source", words, "--target", words, "--sites", "nothing", "--device", "cpu", "--out", out),
            code: 2, mentions: "nearest")
        expectRefusal(
            try Monge.run(
                "fit", "--model", "smollm2", "--source", words, "--target", words, "--sites", ".*norm", "--support", "q_3_97", "--out", out),
            code: 2, mentions: "q_3_97")
        for (options, mention) in [
            (["--shrinkage", "-1"], "0 or more"), (["--shrinkage", "3", "--method", "aurA"], "--shrinkage goes with linear"),
        ] {
            expectRefusal(
                try Monge.run(
                    [
                        "fit", "--model", "smollm2", "--source", words, "--target", words, "--sites", ".*norm", "--device", "cpu", "--out",
                        out,
                    ]
                        + options), code: 2, mentions: mention)
        }
        #expect(!FileManager.default.fileExists(atPath: out))
        expectRefusal(
            try Monge.run(
                "fit", "--model", "smollm2", "--source", words, "--target", words, "--sites", ".*norm", "--device", "cpu", "--out",
                folder.path("nowhere/map.safetensors")), code: 2, mentions: "nowhere")
    }

    @Test func badFiles() throws {
        let folder = try Folder()
        let broken = try folder.file("broken.gguf", "GGUF\u{3}\u{0}\u{0}\u{0}")
        expectRefusal(try Monge.run("generate", "--model", broken, "--device", "cpu", "x"), code: 1, mentions: "broken.gguf")
        let text = try folder.file("text.gguf", "this is no model")
        expectRefusal(try Monge.run("generate", "--model", text, "--device", "cpu", "x"), code: 1, mentions: "text.gguf is plain text")
        let map = try folder.file("map.safetensors", "neither is this a map")
        expectRefusal(
            try Monge.run("generate", "--model", "smollm2", "--device", "cpu", "--steer", "\(map)@0.5", "x"), code: 1,
            mentions: "map.safetensors")
        let empty = try folder.file("empty.txt", "\n\n")
        expectRefusal(
            try Monge.run("perplexity", "--model", "smollm2", "--device", "cpu", "--text", empty), code: 1, mentions: "empty.txt")
        let invalid = folder.path("invalid.txt")
        try Data([0x66, 0xff, 0xfe, 0x0a]).write(to: URL(fileURLWithPath: invalid))
        expectRefusal(
            try Monge.run("perplexity", "--model", "smollm2", "--device", "cpu", "--text", invalid), code: 1, mentions: "UTF-8")
    }

    @Test func noVulkan() throws {
        // A loader that finds no driver: the list of devices is empty, and asking for one says so.
        let none = ["VK_DRIVER_FILES": "/nonexistent", "VK_ICD_FILENAMES": "/nonexistent"]
        let refused = try Monge.run(["generate", "--model", "smollm2", "--device", "vulkan", "x"], environment: none)
        expectRefusal(refused, code: 1, mentions: "Vulkan")
        #expect(try Monge.run(["devices"], environment: none).code == 0)
        expectRefusal(
            try Monge.run("generate", "--model", "smollm2", "--device", "vulkan:99", "x"), code: 1, mentions: "99")
    }
}

/// From sentences to steered text, as the README shows it.
@Suite struct EndToEndTests {
    @Test func fitInspectGenerate() throws {
        let folder = try Folder()
        let source = try folder.file("source.txt", "The rain fell all night.\nShe bought bread at the market.\nA train left at noon.\n")
        let target = try folder.file("target.txt", "The striker scored a goal.\nThe team won the match.\nFans sang in the stadium.\n")
        let map = folder.path("map.safetensors")
        let fit = try Monge.run(
            "fit", "--model", "smollm2", "--device", "cpu", "--source", source, "--target", target, "--sites",
            #"model\.layers\.1?[0-9]\.input_layernorm"#, "--method", "mean", "--out", map)
        #expect(fit.code == 0, "\(fit.errors)")
        #expect(fit.output.isEmpty)
        let inspect = try Monge.run("inspect", map, "--json")
        #expect(inspect.code == 0)
        #expect(inspect.output.contains("model.layers.19.input_layernorm"))
        let generate = try Monge.run(
            "generate", "--model", "smollm2", "--device", "cpu", "--steer", map, "--strengths", "0,1", "--tokens", "5", "--temperature",
            "0",
            "--json", "Once upon a time")
        #expect(generate.code == 0, "\(generate.errors)")
        let results = try JSONDecoder().decode([Continuation].self, from: Data(generate.output.utf8))
        #expect(results.map(\.strength) == [0, 1])
        #expect(results.allSatisfy { $0.tokens.count == 5 && !$0.text.isEmpty })
        let plain = try Monge.run(
            "generate", "--model", "smollm2", "--device", "cpu", "--tokens", "5", "--temperature", "0", "Once upon a time")
        #expect(plain.output == "Once upon a time\(results[0].text)\n")
    }

    private struct Continuation: Decodable {
        var strength: Float
        var text: String
        var tokens: [Int32]
    }

    /// A map that acts in some requests, and on each token by as much as it needs.
    @Test func conditionsAndGates() throws {
        let folder = try Folder()
        let subjects = ["striker", "goalkeeper", "football team", "referee", "midfielder", "coach"]
        let things = ["soup", "bread", "apple pie", "onion", "cheese", "salad"]
        let football = try folder.file(
            "football.txt",
            subjects.flatMap { ["The \($0) scored a goal in the match.", "Fans sang when the \($0) won the cup."] }.joined(separator: "\n"))
        let food = try folder.file(
            "food.txt",
            things.flatMap { ["She put the \($0) on the kitchen table.", "He bought \($0) at the market."] }.joined(separator: "\n"))
        let map = folder.path("map.safetensors")
        let common = ["fit", "-m", "smollm2", "-d", "cpu", "--source", food, "--target", football, "--method", "mean", "-o", map]
        let fit = try Monge.run(
            common + [
                "--sites", #"model\.layers\.12\.input_layernorm"#, "--gate", "--gate-tokens", "30", "--condition-source", football,
                "--condition-target", food, "--condition-site", "model.layers.6", "model.layers.9",
            ])
        #expect(fit.code == 0, "\(fit.errors)")
        #expect(fit.errors.contains("the condition is asked at model.layers.") && fit.errors.contains("gates tell held-out tokens apart"))
        let inspect = try Monge.run("inspect", map)
        #expect(inspect.output.contains("acts in requests whose prompt looks like football.txt (12) rather than food.txt (12)"))
        let prompts = ["The striker of the football team scored", "She put the carrots on the kitchen"]
        let generate = ["generate", "-m", "smollm2", "-d", "cpu", "-n", "6", "--temperature", "0"] + prompts
        let steered = try Monge.run(generate + ["--steer", map])
        #expect(steered.code == 0)
        #expect(
            steered.errors.contains("prompt 1 meets the condition of") && steered.errors.contains("prompt 2 does not meet"),
            "\(steered.errors)")
        let (plain, json) = (try Monge.run(generate), try Monge.run(generate + ["--steer", map, "--json"]))
        #expect(plain.output.split(separator: "\n").last == steered.output.split(separator: "\n").last)
        #expect(json.output.contains("conditionsMet"))

        func refusal(_ arguments: [String]) throws -> String {
            let result = try Monge.run(arguments)
            #expect(result.code != 0)
            return result.errors
        }
        #expect(try refusal(common + ["--sites", "model.norm", "--condition-source", food]).contains("go together"))
        #expect(
            try refusal(common + ["--sites", "model.norm", "--condition-chat"]).contains(
                "--condition-source and --condition-target are missing"))
        #expect(try refusal(common + ["--sites", "model.norm", "--gate-tokens", "9"]).contains("is of --gate"))
        #expect(try refusal(["convert", map, folder.path("x.gguf")]).contains("condition"))
        #expect(try refusal(["convert", map, folder.path("folder") + "/"]).contains("condition"))
    }

    @Test func activationsFitLikeSentences() throws {
        let folder = try Folder()
        let source = try folder.file("source.txt", "The rain fell all night.\nShe bought bread at the market.\nA train left at noon.\n")
        let target = try folder.file("target.txt", "The striker scored a goal.\nThe team won the match.\nFans sang in the stadium.\n")
        for (name, file) in [("a", source), ("b", target)] {
            let result = try Monge.run(
                "activations", "--model", "smollm2", "--device", "cpu", "--prompts", file, "--sites", #"model\.norm"#, "--out",
                folder.path("\(name).safetensors"))
            #expect(result.code == 0, "\(result.errors)")
        }
        let fromFiles = try Monge.run(
            "fit", "--source-activations", folder.path("a.safetensors"), "--target-activations", folder.path("b.safetensors"), "--device",
            "cpu", "--out", folder.path("one.safetensors"))
        #expect(fromFiles.code == 0, "\(fromFiles.errors)")
        let fromSentences = try Monge.run(
            "fit", "--model", "smollm2", "--device", "cpu", "--source", source, "--target", target, "--sites", #"model\.norm"#,
            "--estimation", "simultaneous", "--out", folder.path("two.safetensors"))
        #expect(fromSentences.code == 0)
        let maps = try ["one", "two"].map { try Monge.run("inspect", folder.path("\($0).safetensors")).output }
        // All but the headline (names of the files, the date) is the same.
        #expect(maps[0].split(separator: "\n").dropFirst() == maps[1].split(separator: "\n").dropFirst())
    }

    @Test func tokensAndLogits() throws {
        let folder = try Folder()
        let tokens = try Monge.run("tokenize", "--model", "smollm2", "--json", "Once upon a time")
        #expect(tokens.code == 0, "\(tokens.errors)")
        #expect(tokens.output.contains("Once"))
        let out = folder.path("logits.safetensors")
        let logits = try Monge.run("logits", "--model", "smollm2", "--device", "cpu", "--token-ids", "1, 2,3", "--out", out)
        #expect(logits.code == 0, "\(logits.errors)")
        #expect(try Monge.run("inspect", out, "--json").output.contains("49152"))
        #expect(try Monge.run("logits", "--model", "smollm2", "--device", "cpu", "--token-ids", "1,x", "--out", out).code == 2)
    }

    /// A check says what it found in a table, with each tolerance and the case that came nearest; a wrong number of cases is refused.
    @Test func checkOneOperation() throws {
        let result = try Monge.run("check", "--op", "rmsNorm", "--device", "cpu", "--cases", "12", "--seed", "3")
        #expect(result.code == 0)
        #expect(result.output.contains("12 cases, 0 failed"))
        #expect(result.output.contains("tolerance ") && result.output.contains("worst "))
        let text = try Monge.run("check", "--op", "add", "--device", "cpu", "--from", "4", "--cases", "1", "--json").output
        let reports = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        #expect(reports.count == 1)
        #expect((reports.first?["report"] as? [String: Any])?["cases"] as? Int == 1)
        for wrong in [["--cases", "0"], ["--cases", "many"], ["--family", "rows"], ["--op", "nothing"]] {
            #expect(try Monge.run(["check"] + wrong).code == 2)
        }
    }

    @Test func helpAndDevices() throws {
        let help = try Monge.run("--help")
        #expect(help.code == 0 && help.output.contains("generate") && help.errors.isEmpty)
        let devices = try Monge.run("devices", "--json")
        #expect(devices.code == 0)
        #expect(try JSONSerialization.jsonObject(with: Data(devices.output.utf8)) is [String: Any])
    }
}
