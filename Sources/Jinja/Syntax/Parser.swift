/// Reads the tokens of a template into statements.
///
/// Source: jinja2 3.1 (`parser.py`), with the extensions that chat templates are run with: `break`, `continue`, `generation`.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    /// Brackets and blocks that are open.
    private var nesting = 0
    /// Loops that are open within the innermost macro.
    var loops = 0
    private(set) var scopeCount = 1

    /// Deeper than any template, and shallow enough for the stack.
    private static let maximumNesting = 60
    private static let maximumDepth = 300

    init(_ text: String) throws(JinjaError) { tokens = try Lexer.tokens(text) }

    /// The template's statements.
    mutating func template() throws(JinjaError) -> [Statement] { try statements(until: []).body }

    // MARK: Tokens

    var current: Token { tokens[position] }
    var line: Int { current.line }
    func ahead(_ count: Int) -> Token { tokens[min(position + count, tokens.count - 1)] }

    @discardableResult
    mutating func next() -> Token {
        defer { if position + 1 < tokens.count { position += 1 } }
        return current
    }

    func isName(_ text: String) -> Bool { current.kind == .name && current.text == text }
    func isOperator(_ text: String) -> Bool { current.kind == .operator && current.text == text }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        next()
        return true
    }

    mutating func skip(operator text: String) -> Bool {
        guard isOperator(text) else { return false }
        next()
        return true
    }

    mutating func expect(operator text: String) throws(JinjaError) {
        guard skip(operator: text) else { throw error("'\(text)' was expected, but there is \(current.description)") }
    }

    mutating func expectName() throws(JinjaError) -> String {
        guard current.kind == .name else { throw error("a name was expected, but there is \(current.description)") }
        return next().text
    }

    mutating func expect(_ kind: Token.Kind) throws(JinjaError) {
        guard current.kind == kind else {
            throw error("\(Token(kind: kind, text: "", line: 0).description) was expected, but there is \(current.description)")
        }
        next()
    }

    func error(_ detail: String) -> JinjaError { .syntax(line: line, detail: detail) }

    mutating func newScope() -> Int {
        defer { scopeCount += 1 }
        return scopeCount
    }

    /// Runs `body` one level deeper.
    mutating func nested<T>(_ body: (inout Parser) throws(JinjaError) -> T) throws(JinjaError) -> T {
        guard nesting < Parser.maximumNesting else {
            throw .limit(line: line, detail: "is nested more than \(Parser.maximumNesting) deep")
        }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    func make(_ kind: Expression.Kind, line: Int) throws(JinjaError) -> Expression {
        let leaf = Expression(line: line, kind: kind, depth: 1)
        let depth = 1 + (leaf.children.map(\.depth).max() ?? 0)
        guard depth <= Parser.maximumDepth else {
            throw .limit(line: line, detail: "an expression is more than \(Parser.maximumDepth) deep")
        }
        return Expression(line: line, kind: kind, depth: depth)
    }
}
