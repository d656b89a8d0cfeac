/// The tests that Jinja has: those that this interpreter runs, and the others.
enum TestName {
    static let supported: Set<String> = [
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "iterable",
        "sequence", "callable", "sameas", "lower", "upper", "even", "odd", "divisibleby", "eq", "==", "equalto", "ne", "!=", "lt", "<",
        "lessthan", "le", "<=", "gt", ">", "greaterthan", "ge", ">=", "in", "filter", "test", "escaped",
    ]
    static func isKnown(_ name: String) -> Bool { supported.contains(name) }
}

extension Interpreter {
    func test(_ value: Value, _ name: String, _ arguments: Arguments) throws(JinjaError) -> Bool {
        func argument() throws(JinjaError) -> Value {
            guard arguments.positional.count == 1, arguments.named.isEmpty else { throw failure("the test '\(name)' takes 1 argument") }
            return arguments.positional[0]
        }
        let comparisons: [String: Expression.Comparison] = [
            "eq": .equal, "==": .equal, "equalto": .equal, "ne": .unequal, "!=": .unequal, "lt": .less, "<": .less, "lessthan": .less,
            "le": .lessOrEqual, "<=": .lessOrEqual, "gt": .greater, ">": .greater, "greaterthan": .greater, "ge": .greaterOrEqual,
            ">=": .greaterOrEqual, "in": .in,
        ]
        if let comparison = comparisons[name] { return try compare(value, comparison, argument()) }
        switch name {
        case "divisibleby":
            guard case .integer(0) = try binary(.remainder, value, argument()) else { return false }
            return true
        case "sameas": return try isSame(value, argument())
        default:
            guard arguments.positional.isEmpty, arguments.named.isEmpty else { throw failure("the test '\(name)' takes no argument") }
        }
        switch (name, value) {
        case ("defined", .undefined): return false
        case ("defined", _): return true
        case ("undefined", .undefined), ("none", .none), ("boolean", .bool), ("float", .float), ("integer", .integer): return true
        case ("true", .bool(let value)): return value
        case ("false", .bool(let value)): return !value
        case ("number", .bool), ("number", .integer), ("number", .float): return true
        case ("string", .string), ("string", .markup), ("mapping", .dictionary), ("escaped", .markup): return true
        case ("callable", .callable), ("callable", .undefined), ("callable", .loop): return true
        case ("iterable", .loop): return true
        case ("iterable", _): return length(of: value) != nil || value.isIterator
        case ("sequence", .view(_, let kind)): return kind == "range"
        case ("sequence", _): return length(of: value) != nil
        case ("lower", _), ("upper", _):
            let text = try scalars(text(of: value))
            let wrong = name == "lower"
            return text.contains(where: \.isCased)
                && text.allSatisfy {
                    !(wrong ? $0.properties.isUppercase : $0.properties.isLowercase) && $0.properties.generalCategory != .titlecaseLetter
                }
        case ("even", _), ("odd", _):
            guard case .integer(let remainder) = try binary(.remainder, value, .integer(2)) else {
                guard let number = value.doubleValue else { throw typeFailure("%", value) }
                return number.remainder(dividingBy: 2) == 0 ? name == "even" : name == "odd" && abs(number.remainder(dividingBy: 2)) == 1
            }
            return (remainder == 0) == (name == "even")
        case ("filter", _): return value.text.map(FilterName.isKnown) ?? false
        case ("test", _): return value.text.map(TestName.isKnown) ?? false
        default: return false
        }
    }

    /// Python's `is`, for the values whose identity does not depend on how Python stores them.
    private func isSame(_ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.none, _), (.bool, _), (_, .none), (_, .bool): false
        default: throw unsupported("the test 'sameas' is only supported with true, false and none")
        }
    }
}

extension Value {
    var isIterator: Bool { if case .iterator = self { true } else { false } }
}
