import Foundation

/// The functions that every template has.
extension Interpreter {
    func call(_ function: Callable.GlobalFunction, _ arguments: Arguments) throws(JinjaError) -> Value {
        switch function {
        case .range: return try range(arguments)
        case .dict:
            var mapping = try mapping(of: arguments, "dict")
            for (name, value) in arguments.named { mapping.set(name, to: value) }
            return try checked(.dictionary(mapping))
        case .namespace:
            let namespace = makeNamespace()
            let mapping = try mapping(of: arguments, "namespace")
            for (key, value) in zip(mapping.keys, mapping.values) {
                guard let name = key.text else { throw failure("attribute names have to be texts") }
                namespace.attributes[name] = value
            }
            for (name, value) in arguments.named { namespace.attributes[name] = value }
            return .namespace(namespace)
        case .cycler:
            guard !arguments.positional.isEmpty else { throw failure("at least one item has to be provided") }
            return .callable(.cycler(Callable.Cycler(arguments.positional)))
        case .joiner:
            let values = try bind(arguments, to: ["sep"], of: "joiner")
            return .callable(.joiner(Callable.Joiner(values[0] ?? .string(", "))))
        case .raiseException:
            let values = try bind(arguments, to: ["message"], required: 1, of: "raise_exception")
            throw .raised(line: line, message: try text(of: values[0]!))
        case .strftimeNow:
            let values = try bind(arguments, to: ["format"], required: 1, of: "strftime_now")
            return .string(try time(string(values[0], "strftime_now")))
        }
    }

    private func mapping(of arguments: Arguments, _ function: String) throws(JinjaError) -> Value.Mapping {
        guard let first = arguments.positional.first else { return Value.Mapping() }
        guard arguments.positional.count == 1 else { throw failure("\(function) takes at most 1 argument without a name") }
        if case .dictionary(let mapping) = first { return mapping }
        var mapping = Value.Mapping()
        for pair in try elements(of: first) {
            let parts = try elements(of: pair)
            guard parts.count == 2 else { throw failure("\(function) needs pairs of keys and values") }
            mapping.set(parts[0], try key(parts[0]), to: parts[1])
        }
        return mapping
    }

    private func range(_ arguments: Arguments) throws(JinjaError) -> Value {
        guard arguments.named.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw failure("range takes 1 to 3 arguments without names")
        }
        var numbers: [Int] = []
        for value in arguments.positional {
            guard let number = value.integerValue else { throw typeFailure("range", value) }
            numbers.append(number)
        }
        let (start, stop) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
        let step = numbers.count == 3 ? numbers[2] : 1
        guard step != 0 else { throw failure("range() arg 3 must not be zero") }
        // The sandbox's bound, found before the numbers are made.
        let (span, overflows) = step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
        let count = overflows ? .max : span <= 0 ? 0 : (span - 1) / max(1, Int(clamping: step.magnitude)) + 1
        guard count <= 100_000 else { throw failure("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).") }
        try charge(count)
        return .view(Value.Items((0..<count).map { .integer(start + $0 * step) }), name: "range")
    }

    /// The time of the clock, here, in a format of C's `strftime`.
    private func time(_ format: String) throws(JinjaError) -> String {
        guard !format.isEmpty else { return "" }
        guard format.utf8.count <= 1024, !format.utf8.contains(0) else {
            throw unsupported("a format of a time this long is not supported")
        }
        var seconds = clock ?? Int(Date().timeIntervalSince1970)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { throw failure("the clock's time cannot be written") }
        var buffer = [CChar](repeating: 0, count: 64 * 1024)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
