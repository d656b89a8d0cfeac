import Foundation
import Testing

/// `monge explain`.
@Suite struct ExplainCommandTests {
    let folder: Folder
    private let map, source, target: String

    init() throws {
        folder = try Folder()
        map = folder.path("sea.safetensors")
        source = try folder.file("source.txt", (0..<8).map { "A man walked down street \($0)." }.joined(separator: "\n"))
        target = try folder.file("target.txt", (0..<9).map { "A ship sailed across sea \($0)." }.joined(separator: "\n"))
        let fit = try Monge.run(
            "fit", "-m", "smollm2", "-d", "cpu", "--source", source, "--target", target, "--sites", #"model\.norm"#,
            #"model\.layers\.(3|20)\.input_layernorm"#, "-o", map)
        #expect(fit.code == 0, "\(fit.errors)")
    }

    private func refusal(_ arguments: [String], code: Int32 = 2) throws -> String {
        let result = try Monge.run(["explain"] + arguments)
        #expect(result.code == code && result.output.isEmpty, "\(arguments): \(result.errors)")
        return result.errors
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// A page asks for nothing else and is whole.
    private func page(_ path: String) throws -> String {
        let html = try String(contentsOfFile: path, encoding: .utf8)
        #expect(html.hasPrefix("<!doctype html>") && html.hasSuffix("</html>\n") && !html.contains("<script") && !html.contains("http"))
        #expect(html.components(separatedBy: "<svg").count == html.components(separatedBy: "</svg>").count)
        return html
    }

    @Test func aMapAlone() throws {
        let html = folder.path("map.html")
        let result = try Monge.run("explain", map, "--html", html, "--neurons", "2")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("linear map, causal") && result.output.contains("3 sites, 1728 neurons"))
        #expect(result.output.contains("model.layers.20.input_layernorm"))
        let text = try page(html)
        #expect(text.contains("What sea.safetensors does") && text.contains("<rect") && !text.contains("What a sentence feels"))
        let json = try object(try Monge.run("explain", map, "--json", "--strength", "-0.5").output)
        #expect(json["strength"] as? Double == -0.5 && json["measure"] as? String == "shareOfSupport" && json["samples"] == nil)
        let sites = try #require(json["sites"] as? [[String: Any]])
        #expect(sites.map { $0["name"] as? String } == ["model.layers.3.input_layernorm", "model.layers.20.input_layernorm", "model.norm"])
        #expect((sites[0]["neurons"] as? [Any])?.count == 4)
    }

    @Test func measuredWithASentence() throws {
        let html = folder.path("measured.html")
        let arguments = [
            "explain", map, "-m", "smollm2", "-d", "cpu", "--source", source, "--target", target, "--sentence", "A <b>ship</b>\nsails",
            "--neurons", "3",
        ]
        let result = try Monge.run(arguments + ["--html", html])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("8 source and 9 target samples") && result.output.contains("What the sentence feels"))
        #expect(result.output.contains("█"))
        let text = try page(html)
        #expect(text.contains("What a sentence feels") && text.contains("A &lt;b&gt;ship") && !text.contains("<b>ship"))
        // Twelve of nine neurons in sight, and three at each site.
        #expect(text.components(separatedBy: "samples transported").count == 1 + 9 + 9)
        let json = try object(try Monge.run(arguments + ["--json"]).output)
        #expect((json["samples"] as? [String: Any])?["steersTarget"] as? Bool == true)
        let sentence = try #require(json["sentence"] as? [String: Any])
        #expect((sentence["tokens"] as? [String])?.joined() == "A <b>ship</b>\nsails")
        // At most two sentences a side.
        let few = try object(try Monge.run(arguments + ["--json", "--limit", "2"]).output)
        #expect((few["samples"] as? [String: Any])?["source"] as? Int == 2)
    }

    @Test func askedWrongly() throws {
        #expect(try refusal([map, "-m", "smollm2", "--source", source]).contains("--target is missing"))
        #expect(try refusal([map, "-m", "smollm2", "--target", source]).contains("--source is missing"))
        #expect(try refusal([map, "--source", source, "--target", target]).contains("--model is missing"))
        #expect(try refusal([map, "--sentence", "x"]).contains("--model is missing"))
        #expect(try refusal([map, "-m", "smollm2"]).contains("there are none"))
        #expect(try refusal([map, "-m", "smollm2", "-d", "cpu", "--sentence", ""]).contains("empty"))
        #expect(try refusal([map, "--strength", "nan"]).contains("finite"))
        #expect(try refusal([map, "--html", map]).contains("is read"))
        let empty = try folder.file("empty.txt", "\n")
        #expect(
            try refusal([map, "-m", "smollm2", "-d", "cpu", "--source", empty, "--target", target], code: 1).contains("no sentences"))
        #expect(try refusal([source], code: 1).contains("a transport map is expected"))
        // The same map with another model's fingerprint.
        let described = try #require(try object(try Monge.run("explain", map, "--json").output)["map"] as? [String: Any])
        let fingerprint = try #require(described["fingerprint"] as? String)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: map))
        let place = try #require(bytes.range(of: Data(fingerprint.utf8)))
        bytes.replaceSubrange(place, with: Data(String(fingerprint.reversed()).utf8))
        let other = folder.path("other.safetensors")
        try bytes.write(to: URL(fileURLWithPath: other))
        #expect(
            try refusal([other, "-m", "smollm2", "-d", "cpu", "--source", source, "--target", target], code: 1)
                .contains("the map was fitted on another model (fingerprint"))
        let pictures = CLIFixtures.url("emoji/model").path
        #expect(try refusal([map, "-m", pictures, "--source", source, "--target", target]).contains("draws pictures"))
    }
}
