extension Parser {
    /// An expression, or several with commas between them as a tuple.
    mutating func tupleOrExpression(
        withConditional: Bool = true, until end: String? = nil, isInParentheses: Bool = false
    ) throws(JinjaError) -> Expression {
        let line = line
        var items: [Expression] = []
        var isTuple = false
        while true {
            if current.kind == .variableEnd || current.kind == .blockEnd || isOperator(")") || end.map({ isName($0) }) == true { break }
            items.append(withConditional ? try expression() : try or())
            guard skip(operator: ",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let item = items.first { return item }
            guard isInParentheses else { throw error("an expression was expected, but there is \(current.description)") }
        }
        return try make(.tuple(items), line: line)
    }

    mutating func expression() throws(JinjaError) -> Expression {
        try nested { parser throws(JinjaError) in
            var value = try parser.or()
            while parser.isName("if") {
                let line = parser.next().line
                let test = try parser.or()
                let otherwise = parser.skip(name: "else") ? try parser.expression() : nil
                value = try parser.make(.conditional(test, then: value, otherwise: otherwise), line: line)
            }
            return value
        }
    }

    private mutating func or() throws(JinjaError) -> Expression {
        var left = try and()
        while isName("or") {
            let line = next().line
            left = try make(.or(left, try and()), line: line)
        }
        return left
    }

    private mutating func and() throws(JinjaError) -> Expression {
        var left = try not()
        while isName("and") {
            let line = next().line
            left = try make(.and(left, try not()), line: line)
        }
        return left
    }

    private mutating func not() throws(JinjaError) -> Expression {
        guard isName("not") else { return try comparison() }
        let line = next().line
        return try nested { parser throws(JinjaError) in try parser.make(.not(try parser.not()), line: line) }
    }

    private mutating func comparison() throws(JinjaError) -> Expression {
        let line = line
        let first = try sum()
        var rest: [(operation: Expression.Comparison, operand: Expression)] = []
        while true {
            if current.kind == .operator, let operation = Expression.Comparison(rawValue: current.text) {
                next()
                rest.append((operation, try sum()))
            } else if skip(name: "in") {
                rest.append((.in, try sum()))
            } else if isName("not"), ahead(1).kind == .name, ahead(1).text == "in" {
                next()
                next()
                rest.append((.notIn, try sum()))
            } else {
                return rest.isEmpty ? first : try make(.comparison(first, rest), line: line)
            }
        }
    }

    private mutating func sum() throws(JinjaError) -> Expression {
        try binary(["+", "-"]) { parser throws(JinjaError) in try parser.concatenation() }
    }

    private mutating func concatenation() throws(JinjaError) -> Expression {
        let line = line
        var items = [try product()]
        while skip(operator: "~") { items.append(try product()) }
        return items.count == 1 ? items[0] : try make(.concatenation(items), line: line)
    }

    private mutating func product() throws(JinjaError) -> Expression {
        try binary(["*", "/", "//", "%"]) { parser throws(JinjaError) in
            // Jinja's powers associate to the left.
            try parser.binary(["**"]) { parser throws(JinjaError) in try parser.unary(withFilters: true) }
        }
    }

    private mutating func binary(
        _ operators: [String], _ operand: (inout Parser) throws(JinjaError) -> Expression
    ) throws(JinjaError) -> Expression {
        var left = try operand(&self)
        while current.kind == .operator, operators.contains(current.text), let operation = Expression.BinaryOperator(rawValue: current.text)
        {
            let line = next().line
            left = try make(.binary(operation, left, try operand(&self)), line: line)
        }
        return left
    }

    private mutating func unary(withFilters: Bool) throws(JinjaError) -> Expression {
        let line = line
        var value: Expression
        if skip(operator: "-") {
            value = try nested { parser throws(JinjaError) in
                try parser.make(.negate(try parser.unary(withFilters: false)), line: line)
            }
        } else if skip(operator: "+") {
            value = try nested { parser throws(JinjaError) in try parser.make(.plus(try parser.unary(withFilters: false)), line: line) }
        } else {
            value = try primary()
        }
        value = try postfix(value)
        guard withFilters else { return value }
        while true {
            if isOperator("|") {
                value = try filters(of: value, isFirstInline: false)
            } else if isName("is") {
                value = try test(of: value)
            } else if isOperator("(") {
                value = try call(value)
            } else {
                return value
            }
        }
    }

    private mutating func primary() throws(JinjaError) -> Expression {
        let token = current
        switch token.kind {
        case .name:
            next()
            switch token.text {
            case "true", "True": return try make(.literal(.bool(true)), line: token.line)
            case "false", "False": return try make(.literal(.bool(false)), line: token.line)
            case "none", "None": return try make(.literal(.none), line: token.line)
            default: return try make(.name(token.text), line: token.line)
            }
        case .string:
            var text = ""
            while current.kind == .string { text += next().text }
            return try make(.literal(.string(text)), line: token.line)
        case .integer: return try make(.literal(.integer(try integer())), line: token.line)
        case .float:
            next()
            guard let value = Double(token.text) else { throw error("\(token.description) is no number") }
            return try make(.literal(.float(value)), line: token.line)
        case .operator where token.text == "(":
            next()
            let value = try nested { parser throws(JinjaError) in try parser.tupleOrExpression(isInParentheses: true) }
            try expect(operator: ")")
            return value
        case .operator where token.text == "[":
            next()
            var items: [Expression] = []
            while !isOperator("]") {
                if !items.isEmpty { try expect(operator: ",") }
                if isOperator("]") { break }
                items.append(try expression())
            }
            next()
            return try make(.list(items), line: token.line)
        case .operator where token.text == "{":
            next()
            var pairs: [(key: Expression, value: Expression)] = []
            while !isOperator("}") {
                if !pairs.isEmpty { try expect(operator: ",") }
                if isOperator("}") { break }
                let key = try expression()
                try expect(operator: ":")
                pairs.append((key, try expression()))
            }
            next()
            return try make(.dictionary(pairs), line: token.line)
        default: throw error("unexpected \(token.description)")
        }
    }

    private mutating func integer() throws(JinjaError) -> Int {
        let text = next().text
        let radix = ["0b": 2, "0o": 8, "0x": 16][text.prefix(2).lowercased()] ?? 10
        guard let value = Int(radix == 10 ? text : String(text.dropFirst(2)), radix: radix) else {
            throw .limit(line: line, detail: "the number \(text) does not fit 64 bits")
        }
        return value
    }

    private mutating func postfix(_ value: Expression) throws(JinjaError) -> Expression {
        var value = value
        while true {
            if isOperator("(") {
                value = try call(value)
            } else if isOperator(".") {
                let line = next().line
                switch current.kind {
                case .name: value = try make(.attribute(value, next().text), line: line)
                case .integer: value = try make(.item(value, try make(.literal(.integer(try integer())), line: line)), line: line)
                default: throw error("a name or a number was expected, but there is \(current.description)")
                }
            } else if isOperator("[") {
                value = try subscripted(value)
            } else {
                return value
            }
        }
    }

    private mutating func subscripted(_ value: Expression) throws(JinjaError) -> Expression {
        let line = next().line
        guard !isOperator("]") else { throw error("a subscript is empty") }
        let start = isOperator(":") ? nil : try expression()
        if let key = start, !isOperator(":") {
            if isOperator(",") { throw .unsupported(line: line, detail: "subscripts with commas are not supported") }
            try expect(operator: "]")
            return try make(.item(value, key), line: line)
        }
        try expect(operator: ":")
        func isEnd(_ parser: Parser) -> Bool { parser.isOperator("]") || parser.isOperator(":") }
        let stop = isEnd(self) ? nil : try expression()
        let step = skip(operator: ":") && !isEnd(self) ? try expression() : nil
        try expect(operator: "]")
        return try make(.slice(value, start: start, stop: stop, step: step), line: line)
    }

    private mutating func call(_ value: Expression) throws(JinjaError) -> Expression {
        let line = line
        return try make(.call(value, try arguments()), line: line)
    }

    private mutating func arguments() throws(JinjaError) -> CallArguments {
        var arguments = CallArguments()
        try expect(operator: "(")
        var isFirst = true
        while !isOperator(")") {
            if !isFirst {
                try expect(operator: ",")
                if isOperator(")") { break }
            }
            isFirst = false
            if skip(operator: "*") {
                guard arguments.spread == nil, arguments.namedSpread == nil else { throw error("the arguments are spread twice") }
                arguments.spread = try expression()
            } else if skip(operator: "**") {
                guard arguments.namedSpread == nil else { throw error("the arguments are spread twice") }
                arguments.namedSpread = try expression()
            } else if current.kind == .name, ahead(1).kind == .operator, ahead(1).text == "=" {
                let name = next().text
                next()
                guard arguments.namedSpread == nil, !arguments.named.contains(where: { $0.name == name }) else {
                    throw error("the argument '\(name)' is out of place or occurs twice")
                }
                arguments.named.append((name, try expression()))
            } else {
                guard arguments.named.isEmpty, arguments.spread == nil, arguments.namedSpread == nil else {
                    throw error("an argument without a name follows one with a name")
                }
                arguments.positional.append(try expression())
            }
        }
        next()
        return arguments
    }

    /// Filters applied to a value, one after another.
    /// - Parameter isFirstInline: whether the first comes without a bar before it.
    mutating func filters(of value: Expression, isFirstInline: Bool) throws(JinjaError) -> Expression {
        var value = value
        var isInline = isFirstInline
        while isInline || isOperator("|") {
            if !isInline { next() }
            isInline = false
            let line = line
            let name = try dottedName()
            guard FilterName.isKnown(name) else { throw .syntax(line: line, detail: "there is no filter '\(name)'") }
            value = try make(.filter(value, name, isOperator("(") ? try arguments() : CallArguments()), line: line)
        }
        return value
    }

    private mutating func dottedName() throws(JinjaError) -> String {
        var name = try expectName()
        while skip(operator: ".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func test(of value: Expression) throws(JinjaError) -> Expression {
        let line = next().line
        let isNegated = skip(name: "not")
        let name = try dottedName()
        guard TestName.isKnown(name) else { throw .syntax(line: line, detail: "there is no test '\(name)'") }
        var arguments = CallArguments()
        if isOperator("(") {
            arguments = try self.arguments()
        } else if [.name, .string, .integer, .float].contains(current.kind) || isOperator("[") || isOperator("{"),
            !(isName("else") || isName("or") || isName("and"))
        {
            if isName("is") { throw error("tests cannot be chained") }
            arguments.positional = [try postfix(try primary())]
        }
        let test = try make(.test(value, name, arguments), line: line)
        return isNegated ? try make(.not(test), line: line) : test
    }
}
