import Foundation
import Testing

/// What people type by habit, as typed: short names, pipes, a minus for standard input, numbers that begin with one.
@Suite struct HabitTests {
    private struct Continuation: Decodable {
        var prompt: String
        var strength: Float?
        var text: String
    }

    private static let generate = ["generate", "-m", "smollm2", "-d", "cpu", "-n", "4", "--temperature", "0"]

    private func continuations(_ arguments: [String], input: String? = nil) throws -> [Continuation] {
        let result = try Monge.run(HabitTests.generate + ["--json"] + arguments, input: input)
        #expect(result.code == 0, "\(arguments): \(result.errors)")
        return try JSONDecoder().decode([Continuation].self, from: Data(result.output.utf8))
    }

    /// Two equal prompts are two prompts, each with its continuation below it; so are two that Swift's strings hold for equal.
    @Test func equalPromptsAreTwo() throws {
        let text = try continuations(["Hello"])[0].text
        let twice = try Monge.run(HabitTests.generate + ["Hello", "Hello"])
        #expect(twice.output == "Hello\(text)\n\nHello\(text)\n\n", "\(twice.output)")
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let texts = try [composed, decomposed].map { try continuations([$0])[0].text }
        let both = try Monge.run(HabitTests.generate + [composed, decomposed])
        #expect(Array(both.output.utf8) == Array("\(composed)\(texts[0])\n\n\(decomposed)\(texts[1])\n\n".utf8))
    }

    @Test func promptsComeByEveryWay() throws {
        let prompt = "Once upon a time"
        let expected = try continuations([prompt])[0].text
        for (arguments, input) in [
            (["-p", prompt], nil), (["--prompt", prompt], nil), ([], prompt + "\n"), (["-"], prompt + "\r\n"), (["-p", "-"], prompt),
            (["--prompts", "-"], "\n\(prompt)\n\n"), (["--prompts", "-"], #"{"text": "Once upon a time"}"#),
            (["--prompts", "-", "--column", "b"], "a;b\n1;\(prompt)\n"), (["--prompts", "/dev/stdin"], "\u{FEFF}\(prompt)\n"),
        ] as [([String], String?)] {
            let results = try continuations(arguments, input: input)
            #expect(results.count == 1 && results[0].prompt == prompt && results[0].text == expected, "\(arguments) \(input ?? "")")
        }
        // One prompt of two lines, or two prompts of a line.
        #expect(try continuations([], input: "one\ntwo\n").map(\.prompt) == ["one\ntwo"])
        #expect(try continuations(["--prompts", "-"], input: "one\ntwo\n").map(\.prompt) == ["one", "two"])
        #expect(try continuations(["-p", "- a list", "-p", "-1 degrees"]).map(\.prompt) == ["- a list", "-1 degrees"])
        #expect(try continuations(["--", "-x"]).map(\.prompt) == ["-x"])
        let substituted = try Monge.bash("monge \(HabitTests.generate.joined(separator: " ")) --prompts <(echo '\(prompt)')")
        #expect(substituted.output == "\(prompt)\(expected)\n", "\(substituted.errors)")
        for (arguments, input, mention) in [
            ([], nil, "prompt"), ([], "", "empty"), ([], "\n", "empty"), (["-p", "-", "-"], "x", "once"),
            (["x", "--prompts", "-"], "x", "either"), (["- a"], nil, "begins with a minus"),
        ] as [([String], String?, String)] {
            let result = try Monge.run(HabitTests.generate + arguments, input: input)
            #expect(result.code == 2 && result.errors.contains(mention), "\(arguments): \(result.errors)")
        }
    }

    @Test func sentencesComeThroughPipes() throws {
        let folder = try Folder()
        let sentences = "The rain fell all night.\nShe bought bread.\n"
        let file = try folder.file("a.txt", sentences)
        let expected = try Monge.run("perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", file)
        #expect(expected.code == 0, "\(expected.errors)")
        let piped = try Monge.run(["perplexity", "-m", "smollm2", "-d", "cpu", "--sentences", "-"], input: sentences)
        #expect(piped.output == expected.output, "\(piped.errors)")
        let out = folder.path("map.safetensors")
        let fit = ["fit", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--method", "mean", "-o", out]
        #expect(try Monge.run(fit + ["--source", "-", "--target", file], input: sentences).code == 0)
        #expect(try Monge.run(fit + ["--source", "-", "--target", "-"], input: sentences).errors.contains("once"))
        let tokens = try Monge.run("tokenize", "-m", "smollm2", "--json", "-p", "Once upon")
        for (arguments, input) in [(["Once upon"], nil), (["-"], "Once upon\n"), ([], "Once upon\n")] as [([String], String?)] {
            #expect(try Monge.run(["tokenize", "-m", "smollm2", "--json"] + arguments, input: input).output == tokens.output)
        }
        let logits = try Monge.run(["logits", "-m", "smollm2", "-d", "cpu", "-o", folder.path("l")], input: "Once upon")
        #expect(logits.code == 0 && logits.errors.contains("2 tokens"), "\(logits.errors)")
    }

    @Test func numbersMayBeginWithAMinus() throws {
        let folder = try Folder()
        let (source, target) = (try folder.file("a.txt", "Rain fell.\nBread rose.\n"), try folder.file("b.txt", "A goal!\nA match!\n"))
        let map = folder.path("map.safetensors")
        let fit = try Monge.run(
            "fit", "-m", "smollm2", "-d", "cpu", "--sites", "model.norm", "--method", "mean", "--source", source, "--target", target, "-o",
            map)
        #expect(fit.code == 0, "\(fit.errors)")
        #expect(try continuations(["-s", map, "--strengths", "-0.5,1", "x"]).map(\.strength) == [-0.5, 1])
        #expect(try continuations(["-s", map, "--strengths", "-0.5", "x"]).map(\.strength) == [-0.5])
        #expect(try continuations(["-s", map, "--strengths=-.5", "x"]).map(\.strength) == [-0.5])
        #expect(try continuations(["-s", map + "@-0.5", "x"]).map(\.strength) == [-0.5])
    }

    /// A number out of range is named with what would do; none is cut, wrapped or trapped on.
    @Test func numbersOutOfRangeAreRefused() throws {
        let huge = "99999999999999999999"
        for (arguments, mention) in [
            (["generate", "-n", "-1", "x"], "of 0 or more"), (["generate", "-n", huge, "x"], "at most"),
            (["generate", "-n", "9223372036854775807", "x"], "at most"), (["generate", "-n", "4.5", "x"], "whole number"),
            (["generate", "-n", "1000000000", "x"], "context"), (["generate", "--temperature", "-1", "x"], "0 or more"),
            (["generate", "--temperature", "nan", "x"], "0 or more"), (["generate", "--temperature", "inf", "x"], "0 or more"),
            (["generate", "--top-p", "-0.1", "x"], "above 0 and up to 1"), (["generate", "--top-p", "0", "x"], "above 0"),
            (["generate", "--top-k", "-1", "x"], "0 or more"), (["generate", "--repetition-penalty", "0", "x"], "above 0"),
            (["generate", "--samples", "0", "x"], "from 1"), (["generate", "--samples", huge, "x"], "100000"),
            (["generate", "--seed", "-1", "x"], "from 0"), (["generate", "--steer", "m@1e40", "x"], "finite"),
            (["generate", "--steer", "m", "--strengths", "0,x", "x"], "'x' is no finite number"),
            (["generate", "--steer", "m", "--strengths", "1e40", "x"], "finite"),
            (["logits", "--token-ids", "1,99999999999", "-o", "/nowhere/x"], "99999999999"),
            (["logits", "--token-ids", "-1", "-o", "/nowhere/x"], "'-1' is no token's number"),
            (["perplexity", "--max-tokens", "1", "--sentences", "x"], "2 or more"),
            (["perplexity", "--max-tokens", "-5", "--sentences", "x"], "1 or more"),
        ] {
            let result = try Monge.run([arguments[0], "-m", "smollm2"] + arguments.dropFirst())
            #expect(
                result.code == 2 && result.errors.contains(mention) && !result.errors.contains("Fatal"), "\(arguments): \(result.errors)")
        }
        for (arguments, mention) in [
            (["check", "--from", "-1"], "0 or more"), (["check", "--from", "9223372036854775807"], "at most"),
            (["check", "--cases", huge], huge),
            (["bench", "model", "-m", "smollm2", "--decode-tokens", "-3"], "from 1"),
            (["bench", "tune", "--repetitions", huge], "to 1000000"),
            (["bench", "kernels", "--seconds", "-1"], "more than 0"), (["bench", "compare", "a", "b", "--threshold", "-1"], "0 or more"),
            (["fit", "-m", "x", "--limit", "0", "-o", "/nowhere/x"], "1 or more"),
        ] {
            let result = try Monge.run(arguments)
            #expect(result.code == 2 && result.errors.contains(mention), "\(arguments): \(result.errors)")
        }
    }

    /// Over all commands, an option's name means one thing and a letter one option. Only `--json`, which prints results in JSON, names a file where an
    /// evaluation keeps them and goes on from it.
    @Test func namesAreTheSameEverywhere() throws {
        let text = try Monge.run("--experimental-dump-help").output
        let root = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        var kinds: [String: Set<String>] = [:]
        var letters: [String: Set<String>] = [:]
        func visit(_ command: [String: Any]) {
            for argument in command["arguments"] as? [[String: Any]] ?? [] {
                let names = argument["names"] as? [[String: String]] ?? []
                let long = names.filter { $0["kind"] == "long" }.compactMap { $0["name"] }
                for name in long { kinds[name, default: []].insert(argument["kind"] as? String ?? "") }
                for name in names where name["kind"] == "short" { letters[name["name"] ?? "", default: []].insert(long.first ?? "") }
            }
            for inner in command["subcommands"] as? [[String: Any]] ?? [] { visit(inner) }
        }
        visit(try #require(root["command"] as? [String: Any]))
        #expect(kinds.count > 30)
        #expect(kinds.removeValue(forKey: "json") == ["flag", "option"])
        for (name, found) in kinds { #expect(found.count == 1, "--\(name) is \(found)") }
        for (letter, found) in letters { #expect(found.count == 1, "-\(letter) is \(found)") }
        for (letter, name) in ["m": "model", "p": "prompt", "n": "tokens", "o": "out", "s": "steer", "d": "device"] {
            #expect(letters[letter] == [name])
        }
    }
}
