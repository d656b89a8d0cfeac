/// A template, read and ready to be rendered any number of times.
///
/// It means what jinja2 3.1 makes of it in the environment in which `transformers` renders chat templates: immutable and sandboxed, with
/// `trim_blocks` and `lstrip_blocks`, `break` and `continue`, the tag `generation`, a `tojson` that escapes no HTML, and the functions
/// `raise_exception` and `strftime_now`. What this interpreter does not have is refused by name.
package struct Template: Sendable {
    let statements: [Statement]
    let scopes: ScopeAnalysis

    /// - Throws: ``JinjaError`` with the line that cannot be read.
    package init(_ source: String) throws(JinjaError) {
        var parser = try Parser(source)
        statements = try parser.template()
        scopes = ScopeAnalysis(statements)
    }

    /// The text that the template makes of these variables.
    /// - Parameters:
    ///   - clock: seconds since 1970, for `strftime_now`; the machine's clock when nil.
    package func render(
        _ variables: [String: Value], limits: RenderLimits = RenderLimits(), clock: Int? = nil
    ) throws(JinjaError) -> String {
        let interpreter = Interpreter(template: self, variables: variables, limits: limits, clock: clock)
        defer { interpreter.dismantle() }
        return try interpreter.run()
    }
}
