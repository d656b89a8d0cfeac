import Foundation
import Server
import Testing

/// Patterns that strangers send mean what they mean to Swift's own regular expressions, and end.
@Suite struct SitePatternTests {
    private static let names =
        [
            "model.norm", "model.layers.0.input_layernorm", "model.layers.13.self_attn.o_proj", "model.layers.13.self_attn.o_proj.input",
            "a", "",
        ]
        + ["aab", "abab", "a.b", "a-b", "0", "12", "transformer.h.3.ln_1", "A_9"]

    @Test(arguments: [
        ".*layernorm", #"model\.norm"#, #"model\.layers\.(1[0-9]|2\d)\..*"#, "(?:ab)+", "a{2}b", "a{1,2}b", "a{0,}b?", "a|b|", "[a-c.]+",
        "[^a-c]+",
        "(a|b)*", #".*\.ln_\w+"#, #"[\w.]+"#, #"\d+?"#, "^model.*norm$", ".", "..", "", "(a*)*b", #"a[\-.]b"#, "[a-]+.b", #"\S*"#, "a{0}",
        ".*(_proj|norm)", "(a|ab)(b|ab)*", "x[^a]y",
    ])
    func patternsMeanWhatTheyMeanElsewhere(_ pattern: String) throws {
        let expected = try Regex(pattern)
        let own = try SitePattern(pattern)
        for name in Self.names { #expect(try own.matches(name) == (expected.wholeMatch(in: name) != nil), "\(pattern) on '\(name)'") }
    }

    @Test func whatIsNotTakenIsRefused() {
        for pattern in [
            "(", ")", "a)", "[", "a**", "*a", "a{", "a{2,1}", "a{9999}", "(?=a)", "(?<n>a)", #"\1"#, #"\b"#, "a\\", "a^b", "[z-a]",
            "(a{1000}){1000}",
        ] {
            #expect(throws: (any Error).self, "\(pattern)") { try SitePattern(pattern) }
        }
        #expect(throws: (any Error).self) { try SitePattern(String(repeating: "(", count: 500) + String(repeating: ")", count: 500)) }
    }

    /// Each of these takes a search that tries one way after the other more steps than there are seconds.
    @Test func everyPatternEnds() throws {
        let long = String(repeating: "a", count: 200)
        for pattern in ["(.*)*(.*)*(.*)*(.*)*x", "(a|a)*b", "(a*)*(a*)*b", String(repeating: "(.*)*", count: 100) + "b", "((a?){30}){30}b"]
        {
            #expect(try !SitePattern(pattern).matches(long))
        }
    }
}
