/// Filters that take a sequence or a mapping.
extension Interpreter {
    /// Nil when the filter is of another kind.
    func sequenceFilter(_ value: Value, _ name: String, _ arguments: Arguments) throws(JinjaError) -> Value? {
        func bind(_ parameters: [String], required: Int = 0) throws(JinjaError) -> [Value?] {
            try self.bind(arguments, to: parameters, required: required, of: "the filter '\(name)'")
        }
        switch name {
        case "length", "count":
            _ = try bind([])
            if case .loop(let loop) = value { return .integer(try loop.count()) }
            guard let count = length(of: value) else { throw failure("object of type '\(value.typeName)' has no len()") }
            return .integer(count)
        case "list":
            _ = try bind([])
            return try checked(.list(elements(of: value)))
        case "first":
            _ = try bind([])
            return try iteration(of: value).next() ?? .undefined(Value.Undefined(message: "No first item, sequence was empty."))
        case "last":
            _ = try bind([])
            if value.isIterator { throw failure("'generator' object is not reversible") }
            return try elements(of: value).last ?? .undefined(Value.Undefined(message: "No last item, sequence was empty."))
        case "reverse":
            _ = try bind([])
            if let text = value.text { return .string(String(try scalars(text).reversed())) }
            return .iterator(Value.Iteration(try elements(of: value).reversed()))
        case "join": return .string(try join(value, bind(["d", "attribute"])))
        case "items":
            _ = try bind([])
            if case .undefined = value { return .iterator(Value.Iteration([])) }
            guard case .dictionary(let mapping) = value else { throw failure("Can only get item pairs from a mapping.") }
            return .iterator(Value.Iteration(pairs(mapping)))
        case "dictsort": return try dictsort(value, bind(["case_sensitive", "by", "reverse"]))
        case "sort":
            let values = try bind(["reverse", "case_sensitive", "attribute"])
            let keys = try keyed(elements(of: value), values[2], ignoringCase: values[1]?.isTrue != true, splits: true)
            return .list(try ordered(keys, reverse: values[0]?.isTrue == true))
        case "unique":
            let values = try bind(["case_sensitive", "attribute"])
            let keys = try keyed(elements(of: value), values[1], ignoringCase: values[0]?.isTrue != true, splits: false)
            var seen: Set<Key> = []
            var kept: [Value] = []
            for (key, value) in keys where seen.insert(try self.key(key[0])).inserted { kept.append(value) }
            return .iterator(Value.Iteration(kept))
        case "min", "max":
            let values = try bind(["case_sensitive", "attribute"])
            let keys = try keyed(elements(of: value), values[1], ignoringCase: values[0]?.isTrue != true, splits: false)
            guard var best = keys.first else { return .undefined(Value.Undefined(message: "No aggregated item, sequence was empty.")) }
            for candidate in keys.dropFirst() {
                let isBetter =
                    name == "min" ? try isLess(candidate.key[0], best.key[0]) : try isLess(best.key[0], candidate.key[0])
                if isBetter { best = candidate }
            }
            return best.value
        case "sum":
            let values = try bind(["attribute", "start"])
            var sum = values[1] ?? .integer(0)
            for element in try elements(of: value) { sum = try binary(.add, sum, attributes(values[0], of: element)) }
            return sum
        case "batch":
            let values = try bind(["linecount", "fill_with"], required: 1)
            let size = try integer(values[0], default: 1, "batch")
            guard size > 0 else { throw unsupported("the filter 'batch' needs a positive count") }
            let all = try elements(of: value)
            var batches: [Value] = []
            for start in stride(from: 0, to: all.count, by: size) {
                var batch = Array(all[start..<min(start + size, all.count)])
                if let fill = values[1], batch.count < size {
                    if case .none = fill {
                    } else {
                        try charge(size)
                        batch += Array(repeating: fill, count: size - batch.count)
                    }
                }
                batches.append(.list(batch))
            }
            return .iterator(Value.Iteration(batches))
        case "map": return .iterator(Value.Iteration(try map(value, arguments)))
        case "select", "reject", "selectattr", "rejectattr":
            return .iterator(
                Value.Iteration(
                    try select(value, arguments, hasAttribute: name.hasSuffix("attr"), keeps: name.hasPrefix("select"), name)))
        default: return nil
        }
    }

    func pairs(_ mapping: Value.Mapping) -> [Value] { zip(mapping.keys, mapping.values).map { .tuple([$0, $1]) } }

    private func join(_ value: Value, _ values: [Value?]) throws(JinjaError) -> String {
        let separator = try values[0].map { value throws(JinjaError) in try text(of: value) } ?? ""
        var joined = ""
        for (index, element) in try elements(of: value).enumerated() {
            let element = try values[1] == nil ? element : attributes(values[1], of: element)
            if case .markup = element { throw unsupported("the filter 'join' with escaped text is not supported") }
            if index > 0 { joined += separator }
            joined += try text(of: element)
            try requireBytes(joined.utf8.count)
        }
        return try checked(joined)
    }

    private func dictsort(_ value: Value, _ values: [Value?]) throws(JinjaError) -> Value {
        if case .undefined(let undefined) = value { throw failure(undefined.message) }
        guard case .dictionary(let mapping) = value else { throw failure("'\(value.typeName)' object has no attribute 'items'") }
        let by = try values[1].map { value throws(JinjaError) in try string(value, "dictsort") } ?? "key"
        guard by == "key" || by == "value" else { throw failure("You can only sort by either \"key\" or \"value\"") }
        let ignoresCase = values[0]?.isTrue != true
        var keyed: [(key: [Value], value: Value)] = []
        for (key, value) in zip(mapping.keys, mapping.values) {
            keyed.append(([folded(by == "key" ? key : value, ignoresCase)], .tuple([key, value])))
        }
        return .list(try ordered(keyed, reverse: values[2]?.isTrue == true))
    }

    private func ordered(_ keyed: [(key: [Value], value: Value)], reverse: Bool) throws(JinjaError) -> [Value] {
        try sorted(keyed) { a, b throws(JinjaError) in
            // Equal elements keep their order in both directions.
            let (first, second) = reverse ? (b, a) : (a, b)
            for (x, y) in zip(first.key, second.key) where try !self.isEqual(x, y) { return try self.isLess(x, y) }
            return false
        }.map(\.value)
    }

    private func folded(_ value: Value, _ ignoresCase: Bool) -> Value {
        if ignoresCase, case .string(let text) = value { .string(text.pythonLowercased) } else { value }
    }

    /// Elements with what they are compared by: themselves, or attributes of theirs.
    /// - Parameter splits: whether several attributes with commas between them may be named.
    private func keyed(
        _ elements: [Value], _ attribute: Value?, ignoringCase: Bool, splits: Bool
    ) throws(JinjaError) -> [(key: [Value], value: Value)] {
        var names: [Value?] = [attribute]
        if splits, let text = attribute?.text {
            names = text.split(separator: ",", omittingEmptySubsequences: false).map { .string(String($0)) }
        }
        var keyed: [(key: [Value], value: Value)] = []
        for element in elements {
            var key: [Value] = []
            for name in names { key.append(folded(try attributes(name, of: element), ignoringCase)) }
            keyed.append((key, element))
        }
        return keyed
    }

    /// What a path such as `function.name` or `0.x` leads to; the value itself when there is none.
    private func attributes(_ path: Value?, of value: Value, default other: Value? = nil) throws(JinjaError) -> Value {
        guard let path else { return value }
        if case .none = path { return value }
        var value = value
        for part in try steps(path) {
            value = try item(part, of: value)
            if let other, case .undefined = value { value = other }
        }
        return value
    }

    private func steps(_ path: Value) throws(JinjaError) -> [Value] {
        if let number = path.integerValue { return [.integer(number)] }
        return try string(path, "attribute").split(separator: ".", omittingEmptySubsequences: false).map { part in
            let isNumber = !part.isEmpty && part.unicodeScalars.allSatisfy(\.isASCIIDigit)
            return isNumber ? Int(part).map { .integer($0) } ?? .string(String(part)) : .string(String(part))
        }
    }

    private func map(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> [Value] {
        guard value.isTrue else { return [] }
        var mapped: [Value] = []
        if arguments.positional.isEmpty, let attribute = arguments.named.first(where: { $0.name == "attribute" })?.value {
            guard arguments.named.allSatisfy({ $0.name == "attribute" || $0.name == "default" }) else {
                throw failure("the filter 'map' takes no other argument beside attribute and default")
            }
            let other = arguments.named.first { $0.name == "default" }?.value
            for element in try elements(of: value) { mapped.append(try attributes(attribute, of: element, default: other)) }
            return mapped
        }
        guard let first = arguments.positional.first else { throw failure("map requires a filter argument") }
        let name = try string(first, "map")
        let rest = Arguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        for element in try elements(of: value) { mapped.append(try filter(element, name, rest)) }
        return mapped
    }

    private func select(
        _ value: Value, _ arguments: Arguments, hasAttribute: Bool, keeps: Bool, _ filter: String
    ) throws(JinjaError) -> [Value] {
        guard value.isTrue else { return [] }
        var positional = arguments.positional[...]
        var attribute: Value?
        if hasAttribute {
            guard let first = positional.popFirst() else { throw failure("Missing parameter for attribute name") }
            attribute = first
        }
        let name = try positional.popFirst().map { value throws(JinjaError) in try string(value, filter) }
        if let name, !TestName.isKnown(name) { throw failure("there is no test '\(name)'") }
        let rest = Arguments(positional: Array(positional), named: arguments.named)
        var kept: [Value] = []
        for element in try elements(of: value) {
            let tested = try attributes(attribute, of: element)
            let holds = if let name { try test(tested, name, rest) } else { tested.isTrue }
            if holds == keeps { kept.append(element) }
        }
        return kept
    }
}
