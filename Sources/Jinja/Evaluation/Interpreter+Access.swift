/// Attributes, items, and what can be gone through.
extension Interpreter {
    /// `value.name`: an attribute or method first, then an item.
    func attribute(_ name: String, of value: Value) throws(JinjaError) -> Value {
        if case .undefined(let undefined) = value { throw failure(undefined.message) }
        if let attribute = try ownAttribute(name, of: value) { return attribute }
        if case .dictionary(let mapping) = value, let item = mapping[.text(name)] { return item }
        return missing(name, of: value)
    }

    /// `value[key]`: an item first, then an attribute or method.
    func item(_ key: Value, of value: Value) throws(JinjaError) -> Value {
        switch value {
        case .undefined(let undefined): throw failure(undefined.message)
        case .dictionary(let mapping):
            if case .undefined = key { break }
            if let key = Key(key), let item = mapping[key] { return item }
        case .list(let items), .tuple(let items), .view(let items, "range"):
            if let index = key.integerValue, let place = place(index, items.elements.count) { return items.elements[place] }
        case .string(let text), .markup(let text):
            if let index = key.integerValue {
                let scalars = try scalars(text)
                if let place = place(index, scalars.count) { return .string(String(Character(scalars[place]))) }
            }
        default: break
        }
        if let name = key.text {
            if let attribute = try ownAttribute(name, of: value) { return attribute }
            return missing(name, of: value)
        }
        return .undefined(Value.Undefined(message: "\(value.objectName) has no element \(try representation(of: key))"))
    }

    /// An index that may count from the end.
    func place(_ index: Int, _ count: Int) -> Int? {
        let place = index < 0 ? index &+ count : index
        return (0..<count).contains(place) ? place : nil
    }

    func missing(_ name: String, of value: Value) -> Value {
        .undefined(Value.Undefined(message: "'\(value.objectName)' has no attribute '\(name)'"))
    }

    /// An attribute that the value's type has; nil when it has none of this name.
    private func ownAttribute(_ name: String, of value: Value) throws(JinjaError) -> Value? {
        // Every Python object has attributes such as __class__, which the sandbox hides.
        if name.hasPrefix("__"), name.hasSuffix("__") { throw unsupported("the attribute '\(name)' is not supported") }
        switch value {
        case .namespace(let namespace): return namespace.attributes[name]
        case .loop(let loop): return try loop.attribute(name)
        case .callable(.cycler(let cycler)):
            switch name {
            case "current": return cycler.items[cycler.index]
            case "next", "reset": return .callable(.cyclerMethod(cycler, name))
            default: return nil
            }
        case .callable(.macro(let macro)):
            switch name {
            case "name": return .string(macro.definition.name)
            case "arguments": return .tuple(macro.definition.parameters.map { .string($0) })
            default: return nil
            }
        default: break
        }
        guard let methods = Methods.of(value) else { return nil }
        if methods.changing.contains(name) {
            return .undefined(
                Value.Undefined(message: "access to attribute '\(name)' of '\(value.typeName)' object is unsafe."))
        }
        return methods.known.contains(name) || methods.others.contains(name) ? .callable(.method(of: value, name)) : nil
    }

    func slice(_ value: Value, _ start: Value?, _ stop: Value?, _ step: Value?) throws(JinjaError) -> Value {
        func bound(_ value: Value?) throws(JinjaError) -> Int? {
            switch value {
            case nil, .some(.none): return nil
            case .some(let value):
                guard let number = value.integerValue else { throw typeFailure("slice", value) }
                return number
            }
        }
        let step = try bound(step) ?? 1
        guard step != 0 else { throw failure("slice step cannot be zero") }
        let (first, last) = (try bound(start), try bound(stop))
        func indices(_ count: Int) -> [Int] {
            func clamp(_ index: Int, _ low: Int, _ high: Int) -> Int { min(max(index < 0 ? index + count : index, low), high) }
            if step > 0 {
                let from = first.map { clamp(max($0, -count), 0, count) } ?? 0
                let to = last.map { clamp(max($0, -count), 0, count) } ?? count
                return from < to ? Array(stride(from: from, to: to, by: min(step, count + 1))) : []
            }
            let from = first.map { clamp(max($0, -count - 1), -1, count - 1) } ?? count - 1
            let to = last.map { clamp(max($0, -count - 1), -1, count - 1) } ?? -1
            return from > to ? Array(stride(from: from, to: to, by: max(step, -count - 1))) : []
        }
        switch value {
        case .string(let text):
            let scalars = try scalars(text)
            return .string(String(indices(scalars.count).map { scalars[$0] }))
        case .list(let items):
            try charge(items.elements.count / 8)
            return .list(indices(items.elements.count).map { items.elements[$0] })
        case .tuple(let items): return .tuple(indices(items.elements.count).map { items.elements[$0] })
        case .view(let items, "range"): return .view(Value.Items(indices(items.elements.count).map { items.elements[$0] }), name: "range")
        default: throw typeFailure("slice", value)
        }
    }

    // MARK: Going through values

    /// Nil for what has no length.
    func length(of value: Value) -> Int? {
        switch value {
        case .undefined: 0
        case .string(let text), .markup(let text): text.unicodeScalars.count
        case .list(let items), .tuple(let items), .view(let items, _): items.elements.count
        case .dictionary(let mapping): mapping.count
        default: nil
        }
    }

    func iteration(of value: Value) throws(JinjaError) -> Value.Iteration {
        switch value {
        case .iterator(let iteration): return iteration
        case .undefined: return Value.Iteration([])
        case .string(let text), .markup(let text): return Value.Iteration(try scalars(text).map { .string(String(Character($0))) })
        case .list(let items), .tuple(let items), .view(let items, _): return Value.Iteration(items.elements)
        case .dictionary(let mapping): return Value.Iteration(mapping.keys)
        default: throw failure("'\(value.typeName)' object is not iterable")
        }
    }

    /// All elements, which count as work.
    func elements(of value: Value) throws(JinjaError) -> [Value] {
        let all = try iteration(of: value).takeAll()
        try charge(all.count)
        return all
    }
}
