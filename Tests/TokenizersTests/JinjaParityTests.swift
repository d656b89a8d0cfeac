import Foundation
import Jinja
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// What `transformers` and jinja2 make of templates, and this interpreter too.
struct JinjaParityTests {
    /// Noon of 26 July 2024, UTC.
    static let clock = 1_721_995_200

    /// What a case of a fixture expects.
    enum Outcome: Equatable {
        case text([UInt8])
        case raises(String)
        case fails

        init?(_ json: JSONValue) {
            if let text = json["text"]?.string {
                self = .text(Array(text.utf8))
            } else if let message = json["raises"]?.string {
                self = .raises(message)
            } else if json["fails"]?.bool == true {
                self = .fails
            } else {
                return nil
            }
        }

        init(_ source: String, _ variables: [String: Value]) {
            do throws(JinjaError) {
                self = .text(Array(try Template(source).render(variables, clock: JinjaParityTests.clock).utf8))
            } catch {
                switch error {
                case .raised(_, let message): self = .raises(message)
                case .failed, .syntax: self = .fails
                case .unsupported, .limit:
                    Issue.record("\(error)")
                    self = .fails
                }
            }
        }
    }

    static func variables(_ json: JSONValue?) -> [String: Value] {
        Dictionary((json?.object?.members ?? []).map { ($0.key, Value($0.value)) }, uniquingKeysWith: { first, _ in first })
    }

    static func text(_ path: String) throws -> String {
        try #require(String(validating: fixture(path), as: UTF8.self))
    }

    static let templates =
        (try? FileManager.default.contentsOfDirectory(atPath: fixtures.appending(path: "chat/templates").path))?
        .map { String($0.dropLast(".jinja".count)) }.sorted() ?? []

    @Test func thereAreManyTemplates() { #expect(JinjaParityTests.templates.count >= 50) }

    /// Public chat templates, each with several conversations.
    @Test(arguments: templates)
    func chatTemplatesAreRendered(_ name: String) throws {
        let template = try JinjaParityTests.text("chat/templates/\(name).jinja")
        let cases = try #require(JSONDocument(path: fixtures.appending(path: "chat/\(name).json").path).value("cases")?.array)
        #expect(cases.count >= 26)
        for (index, item) in cases.enumerated() {
            let expected = try #require(Outcome(item))
            #expect(Outcome(template, JinjaParityTests.variables(item["variables"])) == expected, "case \(index)")
        }
    }

    /// Parts of the language, and corners of it.
    @Test func smallTemplatesAreRendered() throws {
        let document = try JSONDocument(path: fixtures.appending(path: "jinja.json").path)
        let variables = JinjaParityTests.variables(document.value("variables"))
        let cases = try #require(document.value("cases")?.array)
        #expect(cases.count >= 150)
        for item in cases {
            let template = try #require(item["template"]?.string)
            #expect(Outcome(template, variables) == Outcome(item), "\(template.debugDescription)")
        }
    }

    /// Templates that are broken at random end, in a text or in an error.
    @Test(.timeLimit(.minutes(60))) func brokenTemplatesEnd() throws {
        let sources = try JinjaParityTests.templates.map { Array(try JinjaParityTests.text("chat/templates/\($0).jinja").unicodeScalars) }
        let document = try JSONDocument(path: fixtures.appending(path: "chat/qwen3.json").path)
        let cases = try #require(document.value("cases")?.array)
        let variables = JinjaParityTests.variables(cases[cases.count - 8]["variables"])
        let fragments = [
            "{%", "%}", "{{", "}}", "{#", "#}", "-%}", "{% for x in messages %}", "{% endfor %}", "{% if x %}", "{% else %}", "loop.last",
            "|", "~",
            "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "macro f(x)", "{{ f(f) }}", "{% set ns.a = ns %}", "namespace()", "range(99999)",
            "* 99999", "**", "-", "+", "10 ** 18", "[::-1]", "tojson", "raw", "endraw", "call", "caller()", "join", "map", "sort",
            "indent(99)",
            " is ", " not ", " in ", "\n", "'a' * 999999", "é\u{301}", "\0",
        ].map { Array($0.unicodeScalars) }
        var limits = RenderLimits()
        limits.steps = 200_000
        limits.bytes = 1 << 20
        var random = SplitMix64(seed: 7)
        var counts = (texts: 0, errors: 0)
        for _ in 0..<4_000 {
            var source = sources.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let place = Int.random(in: 0...source.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: source.insert(contentsOf: fragments.randomElement(using: &random)!, at: place)
                case 1: source.removeSubrange(place..<min(place + Int.random(in: 1...12, using: &random), source.count))
                case 2:
                    let other = sources.randomElement(using: &random)!
                    let start = Int.random(in: 0..<other.count, using: &random)
                    source.insert(contentsOf: other[start..<min(start + 60, other.count)], at: place)
                default: source.replaceSubrange(place..<min(place + 1, source.count), with: fragments.randomElement(using: &random)!)
                }
            }
            do throws(JinjaError) {
                var text = String.UnicodeScalarView()
                text.append(contentsOf: source)
                _ = try Template(String(text)).render(variables, limits: limits, clock: JinjaParityTests.clock)
                counts.texts += 1
            } catch { counts.errors += 1 }
        }
        // Both outcomes are met often enough to mean something.
        #expect(counts.texts >= 200 && counts.errors >= 200, "\(counts)")
    }
}
