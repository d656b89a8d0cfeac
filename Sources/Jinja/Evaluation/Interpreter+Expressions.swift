extension Interpreter {
    func evaluate(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        try charge(1)
        return try nested { () throws(JinjaError) in
            line = expression.line
            let value = try compute(expression, in: scope)
            line = expression.line
            return value
        }
    }

    private func compute(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        switch expression.kind {
        case .literal(let literal): return Value(literal)
        case .name(let name): return lookUp(name, in: scope)
        case .blockContent: return blockContents.last ?? .string("")
        case .list(let items): return try checked(.list(evaluate(items, in: scope)))
        case .tuple(let items): return try checked(.tuple(evaluate(items, in: scope)))
        case .dictionary(let pairs):
            var mapping = Value.Mapping()
            for pair in pairs {
                let key = try evaluate(pair.key, in: scope)
                mapping.set(key, try self.key(key), to: try evaluate(pair.value, in: scope))
            }
            return try checked(.dictionary(mapping))
        case .attribute(let value, let name): return try attribute(name, of: try evaluate(value, in: scope))
        case .item(let value, let key): return try item(try evaluate(key, in: scope), of: try evaluate(value, in: scope))
        case .slice(let value, let start, let stop, let step):
            func bound(_ bound: Expression?) throws(JinjaError) -> Value? { if let bound { try evaluate(bound, in: scope) } else { nil } }
            let value = try evaluate(value, in: scope)
            return try slice(value, bound(start), bound(stop), bound(step))
        case .call(let callee, let arguments):
            let function = try evaluate(callee, in: scope)
            return try call(function, try evaluate(arguments, in: scope))
        case .filter(let value, let name, let arguments):
            let value = try evaluate(value, in: scope)
            return try filter(value, name, try evaluate(arguments, in: scope))
        case .test(let value, let name, let arguments):
            let value = try evaluate(value, in: scope)
            return .bool(try test(value, name, try evaluate(arguments, in: scope)))
        case .negate(let value): return try negated(try evaluate(value, in: scope))
        case .plus(let value):
            let value = try evaluate(value, in: scope)
            if case .float = value { return value }
            guard let number = value.integerValue else { throw typeFailure("+", value) }
            return .integer(number)
        case .not(let value): return .bool(try !evaluate(value, in: scope).isTrue)
        case .binary(let operation, let left, let right):
            let left = try evaluate(left, in: scope)
            return try binary(operation, left, try evaluate(right, in: scope))
        case .concatenation(let items):
            var joined = ""
            for item in items {
                joined += try text(of: try evaluate(item, in: scope))
                try requireBytes(joined.utf8.count)
            }
            return .string(try checked(joined))
        case .comparison(let first, let rest):
            var left = try evaluate(first, in: scope)
            for (operation, operand) in rest {
                let right = try evaluate(operand, in: scope)
                guard try compare(left, operation, right) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        case .and(let left, let right):
            let left = try evaluate(left, in: scope)
            return left.isTrue ? try evaluate(right, in: scope) : left
        case .or(let left, let right):
            let left = try evaluate(left, in: scope)
            return left.isTrue ? left : try evaluate(right, in: scope)
        case .conditional(let test, let then, let otherwise):
            if try evaluate(test, in: scope).isTrue { return try evaluate(then, in: scope) }
            if let otherwise { return try evaluate(otherwise, in: scope) }
            return .undefined(
                Value.Undefined(
                    message:
                        "the inline if-expression on line \(expression.line) evaluated to false and no else section was defined."))
        }
    }

    private func evaluate(_ items: [Expression], in scope: Scope) throws(JinjaError) -> [Value] {
        var values: [Value] = []
        for item in items { values.append(try evaluate(item, in: scope)) }
        return values
    }

    func evaluate(_ call: CallArguments, in scope: Scope) throws(JinjaError) -> Arguments {
        var arguments = Arguments(positional: try evaluate(call.positional, in: scope))
        for (name, value) in call.named { arguments.named.append((name, try evaluate(value, in: scope))) }
        if let spread = call.spread { arguments.positional += try elements(of: try evaluate(spread, in: scope)) }
        if let spread = call.namedSpread {
            guard case .dictionary(let mapping) = try evaluate(spread, in: scope) else { throw failure("** needs a mapping") }
            for (key, value) in zip(mapping.keys, mapping.values) {
                guard let name = key.text, !arguments.named.contains(where: { $0.name.isSame(as: name) }) else {
                    throw failure("the names of arguments have to be texts, each once")
                }
                arguments.named.append((name, value))
            }
        }
        return arguments
    }

    func call(_ function: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        try charge(1)
        switch function {
        case .undefined(let undefined): throw failure(undefined.message)
        case .callable(.method(of: let value, let name)): return try callMethod(name, of: value, arguments)
        case .callable(.global(let global)): return try call(global, arguments)
        case .callable(.macro(let macro)): return try nested { () throws(JinjaError) in try call(macro, arguments) }
        case .callable(.joiner(let joiner)):
            defer { joiner.wasUsed = true }
            return joiner.wasUsed ? joiner.separator : .string("")
        case .callable(.cycler): throw failure("'Cycler' object is not callable")
        case .callable(.cyclerMethod(let cycler, let name)):
            let current = cycler.index
            cycler.index = name == "next" ? (current + 1) % cycler.items.count : 0
            return name == "next" ? cycler.items[current] : .none
        case .callable(.loopMethod(let loop, let name)):
            if name == "changed" {
                return .bool(try loop.changed(arguments.positional) { a, b throws(JinjaError) in try self.isEqual(a, b) })
            }
            guard !arguments.positional.isEmpty else { throw failure("no items for cycling given") }
            return arguments.positional[loop.index % arguments.positional.count]
        case .loop: throw unsupported("recursive loops are not supported")
        default: throw failure("'\(function.typeName)' object is not callable")
        }
    }
}

extension Value {
    init(_ literal: Expression.Literal) {
        switch literal {
        case .none: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .float(let value): self = .float(value)
        case .string(let text): self = .string(text)
        }
    }
}
