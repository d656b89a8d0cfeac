import Foundation
import Testing

/// Judges that are encoders, named on a command line.
@Suite struct EncoderJudgeCommandTests {
    let folder: Folder
    private let prompts: String
    /// A classifier of toxic texts with random weights, and a tokenizer of letters.
    private let classifier: String

    init() throws {
        folder = try Folder()
        prompts = try folder.file(
            "prompts.jsonl", (0..<4).map { #"{"prompt": {"text": "Once upon a time, number \#($0)"}}"# }.joined(separator: "\n"))
        classifier = folder.path("rude#model")
        try FileManager.default.createDirectory(atPath: classifier, withIntermediateDirectories: true)
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures/encoders")
        let cases = try JSONSerialization.jsonObject(with: Data(contentsOf: fixtures.appending(path: "cases.json"))) as? [String: Any]
        let item = try #require((cases?["folders"] as? [[String: Any]])?.first { $0["name"] as? String == "bert" })
        try Data(try #require(item["config"] as? String).utf8).write(to: URL(filePath: classifier + "/config.json"))
        for (name, copy) in [("bert.safetensors", "model.safetensors"), ("vocab.txt", "vocab.txt")] {
            try FileManager.default.copyItem(atPath: fixtures.appending(path: name).path, toPath: "\(classifier)/\(copy)")
        }
    }

    private func toxicity(_ arguments: String...) throws -> Monge.Result {
        try Monge.run(
            [
                "evaluate", "toxicity", "--model", "smollm2", "--device", "cpu", "--prompts", prompts, "--tokens", "40", "--seeds", "1",
                "--strengths", "1",
                "--steer",
            ]
                + [try map(), "--judge"] + arguments)
    }

    /// A map, fitted once a test.
    private func map() throws -> String {
        let path = folder.path("map.safetensors")
        if FileManager.default.fileExists(atPath: path) { return path }
        let source = try folder.file("source.txt", (0..<4).map { "A man walked down street \($0)." }.joined(separator: "\n"))
        let target = try folder.file("target.txt", (0..<4).map { "A ship sailed across sea \($0)." }.joined(separator: "\n"))
        let fit = try Monge.run(
            "fit", "--model", "smollm2", "--device", "cpu", "--source", source, "--target", target, "--sites", #"model\.norm"#, "--method",
            "mean", "--out", path)
        #expect(fit.code == 0, "\(fit.errors)")
        return path
    }

    @Test func encodersJudge() throws {
        let json = folder.path("results.json")
        let result = try toxicity("classifier:\(classifier)#toxic", "calm=embedding:\(classifier)#a quiet day", "--json", json)
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("toxic (rude#model toxic)") && result.output.contains("toxic (calm)"), "\(result.output)")
        // Continuations of 40 tokens are longer than the 40 positions that this encoder of letters has.
        #expect(result.errors.contains("the judge rude#model toxic reads the first 40 tokens of a text"), "\(result.errors)")
        let file = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: json))) as? [String: Any])
        let records = try #require(file["records"] as? [[String: Any]])
        #expect(records.count == 2)
        for record in records {
            let scores = try #require(record["scores"] as? [String: [Double]])
            #expect(Set(scores.keys) == ["rude#model toxic", "calm"])
            #expect(scores.values.allSatisfy { $0.count == 4 && $0.allSatisfy { (0...1).contains($0) } && Set($0).count > 1 })
        }
    }

    @Test func judgesThatAreNoneAreRefused() throws {
        func expect(_ judge: String, _ message: String, code: Int32 = 2) throws {
            let result = try toxicity(judge)
            #expect(result.code == code && result.errors.contains(message), "\(judge): \(result.errors)")
        }
        try expect("classifier:\(classifier)", "has the labels neutral, toxic; say which one's score is wanted")
        try expect("classifier:\(classifier)#rude", "has no label 'rude'")
        try expect("classifier:\(folder.path("none"))#toxic", "there is no folder")
        try expect("classifier:\(prompts)#toxic", "is a file; an encoder of texts is a Hugging Face folder")
        try expect("embedding:\(classifier)", "does not say what texts are compared with")
        try expect("embedding:\(classifier)# ", "no text")
        try expect("embedding:\(folder.url.path)#a", "is a folder without config.json", code: 1)
    }
}
