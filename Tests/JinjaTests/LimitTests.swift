import Jinja
import Testing

/// What a template may take, and that it is refused in a sentence when it takes more.
struct LimitTests {
    static func error(_ source: String, _ variables: [String: Value] = [:]) -> JinjaError? {
        do throws(JinjaError) {
            _ = try Template(source).render(variables)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 99999999 }}", "{{ [0] * 999999999 }}",
        "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{{ 9223372036854775807 + 1 }}", "{{ 2 ** 64 }}", "{{ 99999999999999999999 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ ('a' * 400000 + 'b').find('a' * 200000 + 'c') }}", "{{ '%9999999d' % 1 }}", "{{ 'x'.center(99999999) }}",
        "{{ 'a\nb'|indent(99999999) }}",
    ])
    func whatIsTooMuchIsRefused(_ source: String) {
        guard case .limit = LimitTests.error(source) else {
            Issue.record("\(source): \(String(describing: LimitTests.error(source)))")
            return
        }
    }

    @Test func nestingIsBounded() {
        for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("not ", ""), ("-", ""), ("f(", ")")] {
            let source = "{{ " + String(repeating: open, count: 50_000) + "1" + String(repeating: close, count: 50_000) + " }}"
            guard case .limit = LimitTests.error(source) else {
                Issue.record("\(open): \(String(describing: LimitTests.error(source)))")
                continue
            }
        }
        for chain in ["+1", "|int", ".a", "[0]", " if 1", " or 1", " ** 1"] {
            guard case .limit = LimitTests.error("{{ 1" + String(repeating: chain, count: 50_000) + " }}") else {
                Issue.record("\(chain)")
                continue
            }
        }
        guard case .limit = LimitTests.error(String(repeating: "{% if 1 %}", count: 50_000)) else {
            Issue.record("blocks")
            return
        }
    }

    /// What Jinja has and this interpreter has not is named, with its line.
    @Test(arguments: [
        ("\n{% include 'x' %}", 2, "include"), ("{% extends 'x' %}", 1, "extends"), ("{% import 'x' as y %}", 1, "import"),
        ("{% block x %}{% endblock %}", 1, "block"), ("{% autoescape true %}{% endautoescape %}", 1, "autoescape"),
        ("{% do f() %}", 1, "do"),
        ("{% for x in [] recursive %}{% endfor %}", 1, "recursive"), ("{{ [1]|groupby('a') }}", 1, "groupby"),
        ("{{ 'a'|urlize }}", 1, "urlize"), ("{{ 'a'.encode() }}", 1, "encode"), ("\n\n{{ x.__class__ }}", 3, "__class__"),
        ("{{ range }}", 1, "function"), ("{{ '{:>5}'.format(1) }}", 1, "format"), ("{{ ('a'|e) + 'b' }}", 1, "escaped"),
    ])
    func whatIsNotSupportedIsNamed(_ source: String, _ line: Int, _ word: String) {
        guard case .unsupported(line, let detail) = LimitTests.error(source, ["x": .integer(1)]), detail.contains(word) else {
            Issue.record("\(source): \(String(describing: LimitTests.error(source, ["x": .integer(1)])))")
            return
        }
    }

    @Test func errorsNameTheirLine() {
        #expect(LimitTests.error("a\n{{ b.c }}") == .failed(line: 2, detail: "'b' is undefined"))
        #expect(LimitTests.error("\n\n{{ raise_exception('no') }}") == .raised(line: 3, message: "no"))
        #expect(LimitTests.error("{{ a }}\n{% if %}") == .syntax(line: 2, detail: "an expression was expected, but there is '%}'"))
        #expect(LimitTests.error("{{ {'a': 1}.b.c }}") == .failed(line: 1, detail: "'dict object' has no attribute 'b'"))
        #expect("\(JinjaError.raised(line: 3, message: "no"))" == "no")
    }
}
