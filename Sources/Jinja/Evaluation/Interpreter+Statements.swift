extension Interpreter {
    enum Flow {
        case goesOn, breaks, continues
    }

    func execute(_ statements: [Statement], in scope: Scope) throws(JinjaError) -> Flow {
        for statement in statements {
            try charge(1)
            let flow = try nested { () throws(JinjaError) in try execute(statement, in: scope) }
            if flow != .goesOn { return flow }
        }
        return .goesOn
    }

    private func execute(_ statement: Statement, in scope: Scope) throws(JinjaError) -> Flow {
        switch statement {
        case .output(let values):
            for value in values { try write(try text(of: evaluate(value, in: scope))) }
        case .forLoop(let loop): return try run(loop, in: scope)
        case .conditional(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, in: scope).isTrue { return try execute(branch.body, in: scope) }
            return try execute(otherwise, in: scope)
        case .set(let target, let value, let line):
            let value = try evaluate(value, in: scope)
            self.line = line
            try assign(value, to: target, in: scope)
        case .setBlock(let target, let value, let block, let line):
            let (text, flow) = try capture(block, parent: scope)
            guard flow == .goesOn else { return flow }
            let filtered = try filter(text, by: value, in: scope)
            self.line = line
            try assign(filtered, to: target, in: scope)
        case .macro(let macro): scope.variables[macro.name] = .callable(.macro(makeMacro(macro, in: scope)))
        case .call(let call, let body): try run(call, body: body, in: scope)
        case .filter(let value, let block):
            let (text, flow) = try capture(block, parent: scope)
            guard flow == .goesOn else { return flow }
            try write(try self.text(of: filter(text, by: value, in: scope)))
        case .with(let values, let block):
            let inner = makeScope(block.scope, parent: scope)
            for (target, value) in values { try assign(evaluate(value, in: scope), to: target, in: inner) }
            return try execute(block.body, in: inner)
        case .breakLoop: return .breaks
        case .continueLoop: return .continues
        }
        return .goesOn
    }

    private func write(_ text: String) throws(JinjaError) {
        try requireBytes(output.utf8.count + text.utf8.count)
        try charge(text.utf8.count / 32)
        output += text
    }

    private func capture(_ block: Statement.Block, parent: Scope) throws(JinjaError) -> (text: String, flow: Flow) {
        try capture { () throws(JinjaError) in try execute(block.body, in: makeScope(block.scope, parent: parent)) }
    }

    /// What `body` writes.
    func capture(_ body: () throws(JinjaError) -> Flow) throws(JinjaError) -> (text: String, flow: Flow) {
        let outer = output
        output = ""
        defer { output = outer }
        let flow = try body()
        return (output, flow)
    }

    private func filter(_ text: String, by value: Expression, in scope: Scope) throws(JinjaError) -> Value {
        blockContents.append(.string(text))
        defer { blockContents.removeLast() }
        return try evaluate(value, in: scope)
    }

    private func run(_ call: Expression, body: Statement.Macro, in scope: Scope) throws(JinjaError) {
        guard case .call(let callee, let arguments) = call.kind else { return }
        let function = try evaluate(callee, in: scope)
        var values = try evaluate(arguments, in: scope)
        guard !values.named.contains(where: { $0.name == "caller" }) else { throw failure("the argument 'caller' occurs twice") }
        values.named.append(("caller", .callable(.macro(makeMacro(body, in: scope)))))
        line = call.line
        try write(try text(of: self.call(function, values)))
    }

    private func run(_ loop: Statement.ForLoop, in scope: Scope) throws(JinjaError) -> Flow {
        let iterable = try evaluate(loop.iterable, in: scope)
        line = loop.line
        let elements = try iteration(of: iterable)
        var draw: () throws(JinjaError) -> Value? = { () throws(JinjaError) in elements.next() }
        var count = length(of: iterable)
        if let filter = loop.filter {
            count = nil
            draw = { [self] () throws(JinjaError) in
                while let value = elements.next() {
                    try charge(1)
                    let inner = Scope(parent: scope)
                    try assign(value, to: loop.target, in: inner)
                    if try evaluate(filter, in: inner).isTrue { return value }
                }
                return nil
            }
        }
        let state = Loop(count: count, draw)
        var ranToItsEnd = false
        rounds: while let value = try state.next() {
            try charge(1)
            let inner = makeScope(loop.body.scope, parent: scope)
            inner.variables["loop"] = .loop(state)
            line = loop.line
            try assign(value, to: loop.target, in: inner)
            switch try execute(loop.body.body, in: inner) {
            case .goesOn: ranToItsEnd = true
            case .continues: continue
            case .breaks: break rounds
            }
        }
        // Jinja runs `else` unless some round reached the end of the body.
        guard !ranToItsEnd, !loop.otherwise.body.isEmpty else { return .goesOn }
        return try execute(loop.otherwise.body, in: makeScope(loop.otherwise.scope, parent: scope))
    }

    private func assign(_ value: Value, to target: Statement.Target, in scope: Scope) throws(JinjaError) {
        switch target {
        case .name(let name): scope.variables[name] = value
        case .namespace(let name, let attribute):
            guard case .namespace(let namespace) = lookUp(name, in: scope) else {
                throw failure("cannot assign attribute on non-namespace object")
            }
            namespace.attributes[attribute] = value
        case .tuple(let targets):
            let values = try elements(of: value)
            guard values.count == targets.count else {
                throw failure("\(values.count) values cannot be assigned to \(targets.count) names")
            }
            for (target, value) in zip(targets, values) { try assign(value, to: target, in: scope) }
        }
    }
}
