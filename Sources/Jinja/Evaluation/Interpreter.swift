/// Runs a template: its limits, and the names that it looks up.
final class Interpreter {
    let variables: [String: Value]
    let limits: RenderLimits
    let clock: Int?
    let template: Template
    /// The line that is run, for messages.
    var line = 1
    var output = ""
    /// What blocks wrote that are being filtered.
    var blockContents: [Value] = []
    private var steps = 0
    private var depth = 0
    /// What may refer to itself, and so has to be taken apart at the end.
    private var scopes: [Scope] = []
    private var namespaces: [Value.Namespace] = []

    init(template: Template, variables: [String: Value], limits: RenderLimits, clock: Int?) {
        self.template = template
        self.variables = variables
        self.limits = limits
        self.clock = clock
    }

    func run() throws(JinjaError) -> String {
        _ = try execute(template.statements, in: makeScope(0, parent: nil))
        return output
    }

    /// Breaks the circles of references among scopes, macros and namespaces.
    func dismantle() {
        for namespace in namespaces { namespace.attributes = [:] }
        for scope in scopes { scope.variables = [:] }
    }

    // MARK: Limits

    func failure(_ detail: String) -> JinjaError { .failed(line: line, detail: detail) }
    func unsupported(_ detail: String) -> JinjaError { .unsupported(line: line, detail: detail) }
    func limit(_ detail: String) -> JinjaError { .limit(line: line, detail: detail) }

    /// Counts work.
    func charge(_ count: Int) throws(JinjaError) {
        steps += max(count, 1)
        guard steps <= limits.steps else { throw limit("the template takes more than \(limits.steps) steps") }
    }

    /// The scalars of a text, whose length counts as work.
    func scalars(_ text: String) throws(JinjaError) -> [Unicode.Scalar] {
        try charge(text.utf8.count / 32)
        return Array(text.unicodeScalars)
    }

    /// A text that was made, when it is not too long.
    func checked(_ text: String) throws(JinjaError) -> String {
        try requireBytes(text.utf8.count)
        try charge(text.utf8.count / 32)
        return text
    }

    func requireBytes(_ count: Int) throws(JinjaError) {
        guard count <= limits.bytes else { throw limit("a text is longer than \(limits.bytes) bytes") }
    }

    /// A value that was made, when it is not nested too deep.
    func checked(_ value: Value) throws(JinjaError) -> Value {
        guard value.depth <= 100 else { throw limit("values are nested more than 100 deep") }
        return value
    }

    func nested<T>(_ body: () throws(JinjaError) -> T) throws(JinjaError) -> T {
        guard depth < limits.depth else { throw limit("the template goes more than \(limits.depth) deep") }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    // MARK: Scopes

    func makeScope(_ number: Int, parent: Scope?) -> Scope {
        let scope = Scope(parent: parent)
        for name in template.scopes.undefined[number] ?? [] { scope.variables[name] = .some(nil) }
        return scope
    }

    func lookUp(_ name: String, in scope: Scope) -> Value {
        var next: Scope? = scope
        while let scope = next {
            if let variable = scope.variables[name] { return variable ?? undefined(name) }
            next = scope.parent
        }
        if let value = variables[name] { return value }
        if let function = Callable.GlobalFunction(rawValue: name) { return .callable(.global(function)) }
        return undefined(name)
    }

    private func undefined(_ name: String) -> Value { .undefined(Value.Undefined(message: "'\(name)' is undefined")) }

    func makeNamespace() -> Value.Namespace {
        let namespace = Value.Namespace()
        namespaces.append(namespace)
        return namespace
    }

    func makeMacro(_ definition: Statement.Macro, in scope: Scope) -> Callable.Macro {
        scopes.append(scope)
        return Callable.Macro(definition, scope: scope)
    }
}
