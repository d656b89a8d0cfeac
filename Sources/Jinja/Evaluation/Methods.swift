/// The methods of Python's types: those that can be called here, those that change a value and so are hidden, and the others.
struct Methods {
    var known: Set<String>
    var changing: Set<String> = []
    var others: Set<String> = []

    static let string = Methods(
        known: [
            "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum", "isalpha",
            "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "isupper", "join", "ljust", "lower", "lstrip",
            "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split",
            "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
        ],
        others: ["encode", "format_map", "isidentifier", "isprintable", "istitle", "maketrans", "translate"])
    static let dictionary = Methods(
        known: ["get", "items", "keys", "values", "copy"], changing: ["clear", "pop", "popitem", "setdefault", "update"],
        others: ["fromkeys"])
    static let list = Methods(
        known: ["count", "index", "copy"], changing: ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"])
    static let tuple = Methods(known: ["count", "index"])
    static let view = Methods(known: [], others: ["isdisjoint", "mapping", "count", "index", "start", "stop", "step"])
    static let integer = Methods(
        known: [],
        others: [
            "bit_length", "bit_count", "to_bytes", "from_bytes", "as_integer_ratio", "real", "imag", "numerator", "denominator",
            "conjugate",
        ])
    static let float = Methods(known: ["is_integer"], others: ["hex", "fromhex", "as_integer_ratio", "real", "imag", "conjugate"])

    /// Nil for values without methods.
    static func of(_ value: Value) -> Methods? {
        switch value {
        case .string, .markup: string
        case .dictionary: dictionary
        case .list: list
        case .tuple: tuple
        case .view: view
        case .bool, .integer: integer
        case .float: float
        default: nil
        }
    }
}

extension Interpreter {
    func callMethod(_ name: String, of value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        func bind(_ parameters: [String], required: Int = 0) throws(JinjaError) -> [Value?] {
            try self.bind(arguments, to: parameters, required: required, of: "'\(name)'")
        }
        guard Methods.of(value)?.known.contains(name) == true else {
            throw unsupported("the method '\(name)' of a \(value.typeName) is not supported")
        }
        switch value {
        case .string(let text): return try callMethod(name, of: text, arguments)
        case .markup: throw unsupported("the method '\(name)' of escaped text is not supported")
        case .dictionary(let mapping):
            switch name {
            case "get":
                let values = try bind(["key", "default"], required: 1)
                if case .undefined = values[0]! { return values[1] ?? .none }
                return try mapping[key(values[0]!)] ?? values[1] ?? .none
            case "items":
                _ = try bind([])
                try charge(mapping.count)
                return .view(Value.Items(pairs(mapping)), name: "dict_items")
            case "keys":
                _ = try bind([])
                return .view(Value.Items(mapping.keys), name: "dict_keys")
            case "values":
                _ = try bind([])
                return .view(Value.Items(mapping.values), name: "dict_values")
            default:
                _ = try bind([])
                return value
            }
        case .list(let items), .tuple(let items):
            if name == "copy" { return value }
            let wanted = try bind(["value"], required: 1)[0]!
            var count = 0
            for (index, element) in items.elements.enumerated() where try isEqual(element, wanted) {
                if name == "index" { return .integer(index) }
                count += 1
            }
            guard name == "count" else { throw failure("the value is not in the \(value.typeName)") }
            return .integer(count)
        case .float(let number): return .bool(number.isFinite && number.rounded() == number)
        default: throw unsupported("the method '\(name)' of a \(value.typeName) is not supported")
        }
    }
}
