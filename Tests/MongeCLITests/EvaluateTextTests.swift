import Foundation
import Testing

/// `monge evaluate toxicity` and its neighbours, with judges that are shell scripts.
@Suite struct EvaluateTextTests {
    let folder: Folder
    private let map: String
    private let prompts: String
    private let plain: String

    init() throws {
        folder = try Folder()
        map = folder.path("sea.safetensors")
        prompts = try folder.file(
            "prompts.jsonl",
            (0..<6).map { #"{"prompt": {"text": "Once upon a time, number \#($0)", "toxicity": \#($0 < 2 ? 0.9 : 0.1)}}"# }
                .joined(separator: "\n"))
        plain = try folder.file("plain.txt", "The weather is fine today.\nShe went to the market to buy bread.\nHi\n")
        let source = try folder.file("source.txt", (0..<8).map { "A man walked down street \($0)." }.joined(separator: "\n"))
        let target = try folder.file("target.txt", (0..<8).map { "A ship sailed across sea \($0)." }.joined(separator: "\n"))
        let fit = try Monge.run(
            "fit", "--model", "smollm2", "--device", "cpu", "--source", source, "--target", target, "--sites", #"model\.norm"#, "--method",
            "mean",
            "--out", map)
        #expect(fit.code == 0, "\(fit.errors)")
    }

    /// A judge that scores a text by its length in letters: longer than twenty is 1.
    private let lengthJudge = """
        import json, sys
        for line in sys.stdin:
            entry = json.loads(line)
            print(json.dumps({"id": entry["id"], "score": 1.0 if len(entry["text"]) > 20 else 0.25}))
        """

    private func judge(_ name: String, _ body: String) throws -> String {
        "\(name)=command:python3 " + (try folder.file(name + ".py", body))
    }

    private func toxicity(_ arguments: [String], environment: [String: String] = [:]) throws -> Monge.Result {
        try Monge.run(
            ["evaluate", "toxicity", "--model", "smollm2", "--device", "cpu", "--prompts", prompts, "--tokens", "6", "--seeds", "2"]
                + arguments,
            environment: environment)
    }

    private func read(_ path: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
    }

    private func metric(_ row: [String: Any], _ name: String) throws -> [String: Any] {
        try #require((row["metrics"] as? [[String: Any]])?.first { $0["name"] as? String == name })
    }

    @Test func resultsAreCountedKeptAndShown() throws {
        let (json, page) = (folder.path("results.json"), folder.path("page.html"))
        let words = try folder.file("words.txt", "the\n")
        let arguments = [
            "--steer", map, "--strengths", "0.5,1", "--judge", try judge("long", lengthJudge), "words:\(words)", "--plain", plain, "--json",
            json,
            "--html", page,
        ]
        let result = try toxicity(arguments)
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("toxic (long)") && result.output.contains("At equal cost"))
        let file = try read(json)
        #expect(file["format"] as? String == "monge evaluation 1" && file["task"] as? String == "toxicity")
        let rows = try #require(file["rows"] as? [[String: Any]])
        #expect(rows.map { $0["series"] as? String } == ["unsteered", "sea", "sea"])
        #expect(rows.map { $0["strength"] as? Double } == [0, 0.5, 1])
        // The numbers follow from the texts that are kept.
        let records = try #require(file["records"] as? [[String: Any]])
        for row in rows {
            let own = records.filter {
                let key = $0["key"] as? [String: Any]
                return key?["measure"] as? String == "continuations" && key?["strength"] as? Double == row["strength"] as? Double
            }
            let texts = own.flatMap { $0["texts"] as? [String] ?? [] }
            #expect(own.count == 2 && texts.count == 12)
            let long = Double(texts.count { $0.unicodeScalars.count > 20 }) / 12
            #expect(abs(try #require(try metric(row, "toxic (long)")["value"] as? Double) - long) < 1e-9)
            let listed = texts.count { $0.lowercased().split { !($0.isLetter || $0 == "-" || $0 == "'") }.contains("the") }
            #expect(abs(try #require(try metric(row, "toxic (words)")["value"] as? Double) - Double(listed) / 12) < 1e-9)
            _ = try metric(row, "toxic (long), toxic prompts")
            _ = try metric(row, "perplexity change")
            _ = try metric(row, "self-BLEU")
        }

        // Again: everything is known. With another strength and another judge only that is measured; the texts are the same.
        let again = try toxicity(arguments)
        #expect(again.code == 0 && again.output == result.output)
        let more = try toxicity(
            [
                "--steer", map + "@0.5,1,1.5", "--judge", try judge("short", lengthJudge.replacing("1.0 if", with: "0.0 if")), "--plain",
                plain, "--json", json,
            ])
        #expect(more.code == 0, "\(more.errors)")
        let grown = try #require(try read(json)["records"] as? [[String: Any]])
        #expect(grown.count == records.count + 3)
        let texts = { (records: [[String: Any]]) in records.map { $0["texts"] as? [String] ?? [] } }
        #expect(Array(texts(grown).prefix(records.count)) == texts(records))

        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("<svg") && html.contains("toxic (long) against perplexity change") && html.contains("number 0</h3>"))
        #expect(html.contains("How far each site moves") && html.contains("<title>model.norm: "))
        #expect(!html.contains("http:") && !html.contains("https:") && !html.contains("src=") && !html.contains("{{"))
    }

    @Test func filesOfOtherSettingsAreRefusedByName() throws {
        let json = folder.path("results.json")
        let judge = try judge("long", lengthJudge)
        #expect(try toxicity(["--judge", judge, "--json", json]).code == 0)
        let kept = try Data(contentsOf: URL(fileURLWithPath: json))
        func expect(_ arguments: [String], _ parts: String...) throws {
            let result = try toxicity(arguments)
            #expect(result.code == 2 && parts.allSatisfy(result.errors.contains), "\(result.errors)")
        }
        try expect(["--judge", judge, "--json", json, "--top-p", "0.5"], "--top-p was 0.3 there and is 0.5 now")
        try expect(["--judge", judge, "--json", json, "--plain", plain], "--plain was not set there")
        try expect(["--judge", "long=words:" + (try folder.file("w.txt", "a")), "--json", json], "another judge named long")
        let other = try folder.file("other.json", "{\"a\": 1}")
        try expect(["--judge", judge, "--json", other], "no file of results")
        let exam = try Monge.run(
            "evaluate", "perplexity", "--model", "smollm2", "--device", "cpu", "--plain", plain, "--json", json)
        #expect(exam.code == 2 && exam.errors.contains("monge evaluate toxicity"), "\(exam.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: json)) == kept)
    }

    /// Whatever a judge does, what was generated stays, and another judge goes on with it.
    @Test func judgesThatFailLeaveWhatCame() throws {
        let json = folder.path("results.json")
        let failures = [
            ("dies", "import sys\nfor line in sys.stdin:\n    sys.exit(3)", "exit code 3"),
            ("crashes", "import os\nos.kill(os.getpid(), 9)", "signal 9"),
            ("babbles", "print('Well, toxic I would not say.')", "is not JSON: 'Well, toxic I would not say.'"),
            ("exceeds", lengthJudge.replacing("1.0 if", with: "25 if"), "score of 25"),
            (
                "skips", "import sys\nfor n, line in enumerate(sys.stdin):\n    if n == 0: print('{\"id\": 0, \"score\": 1}')",
                "1 scores for 6 texts"
            ),
            ("repeats", "print('{\"id\": 0, \"score\": 1}')\nprint('{\"id\": 0, \"score\": 1}')", "second one about text 0"),
            ("strays", "print('{\"id\": 6, \"score\": 1}')", "about text 6"),
            ("hangs", "import time, sys\nsys.stdin.read()\ntime.sleep(600)", "said nothing for 1 seconds"),
            ("ignores", "import time\ntime.sleep(600)", "said nothing for 1 seconds"),
            ("leaves", "", "0 scores for 6 texts"),
        ]
        for (name, body, expected) in failures {
            let start = Date()
            let result = try toxicity([
                "--judge", try judge(name, body), "--json", json, "--judge-timeout", name == "hangs" || name == "ignores" ? "1" : "60",
            ])
            #expect(result.code == 1 && result.errors.contains(expected), "\(name): \(result.errors)")
            #expect(result.errors.contains("has what was measured so far"), "\(name): \(result.errors)")
            #expect(Date().timeIntervalSince(start) < 60)
            let records = try #require(try read(json)["records"] as? [[String: Any]])
            #expect((records.first?["texts"] as? [String])?.count == 6, "\(name)")
        }
        let records = try #require(try read(json)["records"] as? [[String: Any]])
        // The one score that came before the end is kept.
        #expect(((records.first?["scores"] as? [String: Any])?["skips"] as? [Double]) == [1])
        let good = try toxicity(["--judge", try judge("long", lengthJudge), "--json", json])
        #expect(good.code == 0 && good.output.contains("toxic (long)"), "\(good.errors)")
        let texts = try #require(try read(json)["records"] as? [[String: Any]]).first?["texts"] as? [String]
        #expect(texts == records.first?["texts"] as? [String])
    }

    /// A server of a few answers: what comes first, and how often it was asked.
    private let server = """
        import http.server, json, os, sys, threading, time
        mode = sys.argv[2]
        class Handler(http.server.BaseHTTPRequestHandler):
            asked = 0
            def do_POST(self):
                Handler.asked += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if mode == "hang": time.sleep(600)
                if mode == "busy" and Handler.asked % 2 == 1: return self.answer(503, {"error": "busy"})
                if mode == "refuse": return self.answer(401, {"error": "no key"})
                if mode == "nonsense": return self.answer(200, {"choices": [{"message": {"content": "Perhaps."}}]})
                assert self.path == "/v1/chat/completions" and body["model"] == "judge-1" and "toxic" in body["messages"][0]["content"]
                choice = {"message": {"content": " Yes."}}
                if mode == "likely":
                    choice["logprobs"] = {"content": [{"top_logprobs": [
                        {"token": " Yes", "logprob": -1.0}, {"token": "No", "logprob": -0.5}, {"token": "yes", "logprob": -1.5}]}]}
                self.answer(200, {"choices": [choice]})
            def answer(self, status, value):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            def log_message(self, *rest): pass
        # Ends with the test, also where that fails: its standard input is closed then.
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        with open(sys.argv[1], "w") as file: file.write(str(server.server_port))
        server.serve_forever()
        """

    private func withServer(_ mode: String, _ body: (String) throws -> Void) throws {
        let (script, port) = (try folder.file("server.py", server), folder.path("port-\(mode)"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script, port, mode]
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        let limit = Date().addingTimeInterval(30)
        var address: String?
        while address == nil, Date() < limit {
            address = (try? String(contentsOfFile: port, encoding: .utf8)).flatMap { $0.isEmpty ? nil : "http://127.0.0.1:\($0)/v1" }
            usleep(20_000)
        }
        try body(#require(address, "the server did not begin"))
    }

    @Test func endpointsAnswerYesOrNo() throws {
        func value(_ mode: String) throws -> Double {
            var value = -1.0
            try withServer(mode) { address in
                let json = folder.path("\(mode).json")
                let result = try toxicity(["--judge", "endpoint:\(address)", "--endpoint-model", "judge-1", "--json", json, "--seeds", "1"])
                #expect(result.code == 0, "\(result.errors)")
                let rows = try #require(try read(json)["rows"] as? [[String: Any]])
                value = try #require(try metric(rows[0], "score (judge-1)")["value"] as? Double)
            }
            return value
        }
        let (yes, no) = (exp(-1.0) + exp(-1.5), exp(-0.5))
        #expect(abs(try value("likely") - yes / (yes + no)) < 1e-6)
        #expect(try value("busy") == 1, "asked again, and by what it says where it tells no likelihoods")
    }

    @Test func endpointsThatFailAreNamed() throws {
        for (mode, expected) in [("hang", "4 tries"), ("refuse", "status 401"), ("nonsense", "neither yes nor no")] {
            try withServer(mode) { address in
                let result = try toxicity([
                    "--judge", "endpoint:\(address)", "--endpoint-model", "judge-1", "--judge-timeout", "1", "--json",
                    folder.path("\(mode).json"),
                ])
                #expect(
                    result.code == 1 && result.errors.contains(expected) && result.errors.contains(address), "\(mode): \(result.errors)")
            }
        }
        let nobody = try toxicity(["--judge", "endpoint:http://127.0.0.1:1/v1", "--endpoint-model", "x", "--judge-timeout", "1"])
        #expect(nobody.code == 1 && nobody.errors.contains("cannot be asked"), "\(nobody.errors)")
        let scheme = try toxicity(["--judge", "endpoint:ftp://x", "--endpoint-model", "x"])
        #expect(scheme.code == 2 && scheme.errors.contains("http://"), "\(scheme.errors)")
    }

    /// The same model as a judge: its answers are probabilities, and the same each time.
    @Test func languageModelsAreAskedThroughTheirLayout() throws {
        let json = folder.path("results.json")
        let result = try toxicity(["--judge", "model:smollm2", "--json", json, "--seeds", "1"])
        #expect(result.code == 0, "\(result.errors)")
        let records = try #require(try read(json)["records"] as? [[String: Any]])
        let scores = try #require((records[0]["scores"] as? [String: [Double]])?.values.first)
        #expect(scores.count == 6 && scores.allSatisfy { $0 > 0 && $0 < 1 } && Set(scores).count > 1)
        let missing = try toxicity(["--judge", "model:smollm2", "--judge-question", "Is it toxic?"])
        #expect(missing.code == 2 && missing.errors.contains("{text}"), "\(missing.errors)")
    }

    @Test func whatIsAskedWronglyIsSaid() throws {
        func expect(_ arguments: [String], code: Int32 = 2, _ parts: String...) throws {
            let result = try Monge.run(["evaluate"] + arguments)
            #expect(
                result.code == code && parts.allSatisfy(result.errors.contains) && result.output.isEmpty, "\(arguments): \(result.errors)")
        }
        let common = ["--model", "smollm2", "--device", "cpu"]
        try expect(["toxicity"] + common + ["--prompts", prompts], "--judge is missing")
        try expect(["toxicity"] + common + ["--prompts", prompts, "--judge", "oracle:delphi"], "no known kind", "words:FILE")
        try expect(["toxicity"] + common + ["--prompts", prompts, "--judge", "words"], "names no judge")
        try expect(["toxicity"] + common + ["--judge", "words:w"], "--prompts is missing")
        let none = try folder.file("none.jsonl", #"{"continuation": "x"}"#)
        let words = try folder.file("words.txt", "a")
        try expect(["toxicity"] + common + ["--prompts", none, "--judge", "words:\(words)"], code: 1, "line 1", "'text' or 'prompt'")
        try expect(
            ["toxicity"] + common + ["--prompts", prompts, "--judge", "words:\(words)", "words:\(words)"], "two judges are called words")
        try expect(["mmlu"] + common, "--mmlu is missing")
        try expect(["mmlu"] + common + ["--mmlu", folder.url.path], "no folder 'test'")
        try expect(["side-effects"] + common, "nothing to measure by")
        try expect(["perplexity"] + common, "--plain is missing")
        try expect(["perplexity"] + common + ["--plain", plain, "--steer", "fold{fold}.safetensors"], "{fold}")
        try expect(["truthfulqa", "--questions", prompts, "--sentences", "x"], "--fold")
        let questions = try folder.file("mc.json", #"[{"question": "a", "mc1_targets": {"b": 1, "c": 0}}]"#)
        try expect(["truthfulqa"] + common + ["--questions", questions], code: 1, "question 1", "mc2_targets")
        let table = try folder.file("t.csv", "Question,Best Answer\na,b\n")
        try expect(["truthfulqa"] + common + ["--questions", table], code: 1, "'Correct Answers'")
        // A map of another model.
        let other = folder.path("pictures.safetensors")
        let pictures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/diffusion/sd1").path
        let captions = try folder.file("captions.txt", (0..<6).map { "a cat \($0)" }.joined(separator: "\n"))
        let fit = try Monge.run(
            "fit", "--model", pictures, "--device", "cpu", "--source", captions, "--target", captions, "--sites",
            #"unet\.mid_block.*norm.*"#,
            "--width", "16", "--out", other)
        #expect(fit.code == 0, "\(fit.errors)")
        try expect(["perplexity"] + common + ["--plain", plain, "--steer", other], code: 1, "use a map fitted on this model")
        try expect(["perplexity"] + common + ["--plain", plain, "--steer", plain], code: 1, "plain.txt")
        try expect(["perplexity"] + common + ["--plain", plain, "--steer", map + "@x"], "finite number")
        try expect(["perplexity"] + common + ["--plain", plain, "--json", plain], "--json")
    }

    @Test func conceptsAreFittedAndGiven() throws {
        let words = try folder.file("words.txt", "sea\nship\nsailed")
        let common = ["--model", "smollm2", "--device", "cpu", "--words", words, "--samples", "8", "--tokens", "6", "--plain", plain]
        let given = try Monge.run(["evaluate", "concept", "--steer", map, "--strengths", "1"] + common)
        #expect(given.code == 0 && given.output.contains("on topic (words)"), "\(given.errors)")
        let fitted = try Monge.run(
            [
                "evaluate", "text", "--source", folder.path("source.txt"), "--target", folder.path("target.txt"), "--sites",
                #"model\.norm"#, "--methods",
                "mean", "--estimations", "simultaneous", "--supports", "all", "--strengths", "1", "--json", "-",
            ] + common)
        #expect(fitted.code == 0, "\(fitted.errors)")
        let file = try #require(try JSONSerialization.jsonObject(with: Data(fitted.output.utf8)) as? [String: Any])
        let rows = try #require(file["rows"] as? [[String: Any]])
        #expect(rows.map { $0["series"] as? String } == ["unsteered", "mean simultaneous all"])
        let neither = try Monge.run(["evaluate", "concept"] + common)
        #expect(neither.code == 2 && neither.errors.contains("no maps"))
    }

    /// Question by question the maps of its fold, and sentences of the others to fit them with.
    @Test func foldsHaveMapsOfTheirOwn() throws {
        let entries = (0..<4).map { number in
            let answers = #"{"The answer is \#(number).": 1, "Nobody knows \#(number).": 0}"#
            return #"{"question": "What is number \#(number)?", "mc1_targets": \#(answers), "mc2_targets": \#(answers)}"#
        }
        let questions = try folder.file("mc.json", "[" + entries.joined(separator: ",") + "]")
        let sentences = try Monge.run("evaluate", "truthfulqa", "--questions", questions, "--fold", "1", "--sentences", folder.path("fit"))
        #expect(sentences.code == 0, "\(sentences.errors)")
        let lines = try String(contentsOfFile: folder.path("fit/true.jsonl"), encoding: .utf8)
        #expect(lines.contains("number 1?") && lines.contains("number 3?") && !lines.contains("number 0?") && !lines.contains("Nobody"))
        try FileManager.default.copyItem(atPath: map, toPath: folder.path("fold1.safetensors"))
        let second = try Monge.run(
            "fit", "--model", "smollm2", "--device", "cpu", "--source", folder.path("target.txt"), "--target", folder.path("source.txt"),
            "--sites",
            #"model\.norm"#, "--method", "mean", "--out", folder.path("fold2.safetensors"))
        #expect(second.code == 0, "\(second.errors)")
        func options(_ steer: String) throws -> [[Double]] {
            let json = folder.path("\(UUID().uuidString).json")
            let result = try Monge.run(
                "evaluate", "truthfulqa", "--model", "smollm2", "--device", "cpu", "--questions", questions, "--steer", steer,
                "--strengths", "1",
                "--json", json)
            #expect(result.code == 0 && result.output.contains("MC1"), "\(result.errors)")
            let records = try #require(try read(json)["records"] as? [[String: Any]])
            return records.filter { ($0["key"] as? [String: Any])?["strength"] as? Double == 1 }.flatMap {
                $0["options"] as? [[Double]] ?? []
            }
        }
        let (first, other, both) = (
            try options(map), try options(folder.path("fold2.safetensors")), try options(folder.path("fold{fold}.safetensors"))
        )
        #expect(both == Array(first[..<2]) + Array(other[2...]) && first[2...] != other[2...])
    }
}
