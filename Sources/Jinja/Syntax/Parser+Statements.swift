extension Parser {
    /// Statements up to a tag of one of these names, which is the current token then; with no names up to the end.
    mutating func statements(until names: [String]) throws(JinjaError) -> (body: [Statement], end: String) {
        var body: [Statement] = []
        var output: [Expression] = []
        func flush(_ body: inout [Statement], _ output: inout [Expression]) {
            if !output.isEmpty { body.append(.output(output)) }
            output = []
        }
        while true {
            switch current.kind {
            case .end:
                guard names.isEmpty else { throw error("the template ends before \(names.map { "'\($0)'" }.joined(separator: " or "))") }
                flush(&body, &output)
                return (body, "")
            case .variableBegin:
                next()
                output.append(try tupleOrExpression())
                try expect(.variableEnd)
            case .blockBegin:
                flush(&body, &output)
                next()
                if current.kind == .name, names.contains(current.text) { return (body, current.text) }
                body.append(try nested { parser throws(JinjaError) in try parser.statement() })
                try expect(.blockEnd)
            default:
                let token = next()
                output.append(try make(.literal(.string(token.text)), line: token.line))
            }
        }
    }

    /// The body of a block, from the end of its tag on.
    private mutating func body(until names: [String]) throws(JinjaError) -> (body: [Statement], end: String) {
        _ = skip(operator: ":")
        try expect(.blockEnd)
        return try statements(until: names)
    }

    /// The body up to one tag, and that tag's name.
    private mutating func body(until name: String) throws(JinjaError) -> [Statement] {
        let body = try body(until: [name]).body
        next()
        return body
    }

    private mutating func block(until name: String) throws(JinjaError) -> Statement.Block {
        let scope = newScope()
        return Statement.Block(scope: scope, body: try body(until: name))
    }

    private mutating func statement() throws(JinjaError) -> Statement {
        let line = line
        guard current.kind == .name else { throw error("a tag begins with \(current.description), not with its name") }
        let name = next().text
        switch name {
        case "for": return try forLoop(line)
        case "if": return try conditional()
        case "set": return try set(line)
        case "macro":
            let name = try expectName()
            return .macro(try macro(name: name, until: "endmacro", line: line, hasSignature: true))
        case "call":
            let hasSignature = isOperator("(")
            let (parameters, defaults) = hasSignature ? try signature() : ([], [])
            let call = try expression()
            guard case .call = call.kind else { throw .syntax(line: line, detail: "a call block does not call") }
            let body = try macroBody(until: "endcall")
            return .call(
                call, Statement.Macro(name: "caller", parameters: parameters, defaults: defaults, block: body, line: line))
        // What the assistant said, which only training looks for: the text is the same.
        case "generation":
            let body = try macroBody(until: "endgeneration")
            let macro = Statement.Macro(name: "caller", parameters: [], defaults: [], block: body, line: line)
            let caller = try make(.call(try make(.name("caller"), line: line), CallArguments()), line: line)
            return .with([], Statement.Block(scope: newScope(), body: [.macro(macro), .output([caller])]))
        case "filter":
            let filters = try self.filters(of: make(.blockContent, line: line), isFirstInline: true)
            return .filter(filters, try block(until: "endfilter"))
        case "with": return try with()
        case "print":
            var values: [Expression] = []
            while current.kind != .blockEnd, current.kind != .end {
                if !values.isEmpty { try expect(operator: ",") }
                values.append(try expression())
            }
            return .output(values)
        case "break", "continue":
            guard loops > 0 else { throw .syntax(line: line, detail: "'\(name)' is outside of a loop") }
            return name == "break" ? .breakLoop : .continueLoop
        case "autoescape", "block", "extends", "include", "import", "from", "do", "trans":
            throw .unsupported(line: line, detail: "the tag '\(name)' is not supported")
        default: throw .syntax(line: line, detail: "the tag '\(name)' is not known, or not expected here")
        }
    }

    private mutating func forLoop(_ line: Int) throws(JinjaError) -> Statement {
        let target = try target(until: "in", withNamespace: false)
        guard skip(name: "in") else { throw error("'in' was expected, but there is \(current.description)") }
        let iterable = try tupleOrExpression(withConditional: false, until: "recursive")
        let filter = skip(name: "if") ? try expression() : nil
        if isName("recursive") { throw .unsupported(line: line, detail: "recursive loops are not supported") }
        let scope = newScope()
        loops += 1
        let (statements, end) = try body(until: ["endfor", "else"])
        loops -= 1
        next()
        let otherwise = newScope()
        let elseBody = end == "else" ? try body(until: "endfor") : []
        return .forLoop(
            Statement.ForLoop(
                target: target, iterable: iterable, filter: filter, body: Statement.Block(scope: scope, body: statements),
                otherwise: Statement.Block(scope: otherwise, body: elseBody), line: line))
    }

    private mutating func conditional() throws(JinjaError) -> Statement {
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try tupleOrExpression(withConditional: false)
            let (statements, end) = try body(until: ["elif", "else", "endif"])
            branches.append((test, statements))
            next()
            switch end {
            case "elif": continue
            case "else": return .conditional(branches, otherwise: try body(until: "endif"))
            default: return .conditional(branches, otherwise: [])
            }
        }
    }

    private mutating func set(_ line: Int) throws(JinjaError) -> Statement {
        let target = try target(until: nil, withNamespace: true)
        if skip(operator: "=") { return .set(target, try tupleOrExpression(), line: line) }
        let value = try filters(of: make(.blockContent, line: line), isFirstInline: false)
        return .setBlock(target, value: value, try block(until: "endset"), line: line)
    }

    private mutating func with() throws(JinjaError) -> Statement {
        var values: [(target: Statement.Target, value: Expression)] = []
        while current.kind != .blockEnd, current.kind != .end {
            if !values.isEmpty { try expect(operator: ",") }
            let target = try target(until: nil, withNamespace: false)
            try expect(operator: "=")
            values.append((target, try expression()))
        }
        return .with(values, try block(until: "endwith"))
    }

    private mutating func macro(name: String, until end: String, line: Int, hasSignature: Bool) throws(JinjaError) -> Statement.Macro {
        let (parameters, defaults) = try signature()
        let body = try macroBody(until: end)
        return Statement.Macro(name: name, parameters: parameters, defaults: defaults, block: body, line: line)
    }

    /// A body that is run elsewhere: loops around it are none of its own.
    private mutating func macroBody(until end: String) throws(JinjaError) -> Statement.Block {
        let outer = loops
        loops = 0
        defer { loops = outer }
        return try block(until: end)
    }

    private mutating func signature() throws(JinjaError) -> (parameters: [String], defaults: [Expression]) {
        var parameters: [String] = []
        var defaults: [Expression] = []
        try expect(operator: "(")
        while !isOperator(")") {
            if !parameters.isEmpty { try expect(operator: ",") }
            let name = try expectName()
            guard !parameters.contains(name) else { throw error("the parameter '\(name)' occurs twice") }
            parameters.append(name)
            if skip(operator: "=") {
                defaults.append(try expression())
            } else if !defaults.isEmpty {
                throw error("a parameter without a default follows one with a default")
            }
        }
        next()
        return (parameters, defaults)
    }

    /// What a value is assigned to: names, with commas and parentheses between them, or an attribute of a namespace.
    private mutating func target(until end: String?, withNamespace: Bool) throws(JinjaError) -> Statement.Target {
        var targets: [Statement.Target] = []
        var isTuple = false
        while true {
            if isOperator(")") || isOperator("=") || current.kind == .blockEnd || end.map({ isName($0) }) == true { break }
            targets.append(try singleTarget(until: end, withNamespace: withNamespace))
            guard skip(operator: ",") else { break }
            isTuple = true
        }
        guard let first = targets.first else { throw error("a name was expected, but there is \(current.description)") }
        return isTuple ? .tuple(targets) : first
    }

    private mutating func singleTarget(until end: String?, withNamespace: Bool) throws(JinjaError) -> Statement.Target {
        if skip(operator: "(") {
            let inner = try nested { parser throws(JinjaError) in try parser.target(until: end, withNamespace: withNamespace) }
            try expect(operator: ")")
            return inner
        }
        let name = try expectName()
        if withNamespace, skip(operator: ".") { return .namespace(name, attribute: try expectName()) }
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else { throw error("cannot assign to '\(name)'") }
        return .name(name)
    }
}
