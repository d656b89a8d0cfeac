/// A value while a template runs, with the meaning that Python gives it.
///
/// Lists and mappings do not change once they are made: the environment of chat templates allows no method that changes them.
package indirect enum Value {
    case undefined(Undefined)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    /// Text that an `escape` or `safe` filter marked.
    case markup(String)
    case list(Items)
    case tuple(Items)
    case dictionary(Mapping)
    /// Something that can be gone through again and again, but is no list: `range(3)`, `d.items()`.
    case view(Items, name: String)
    /// Something that can be gone through once.
    case iterator(Iteration)
    case namespace(Namespace)
    case loop(Loop)
    case callable(Callable)

    /// A name or attribute that does not exist: it is empty when written, and an error when used otherwise.
    package struct Undefined {
        let message: String
    }

    /// Values in order. Knows how deep they are nested, so that nothing that goes through them can use up the stack.
    package struct Items {
        let elements: [Value]
        let depth: Int

        init(_ elements: [Value]) {
            self.elements = elements
            depth = 1 + (elements.map(\.depth).max() ?? 0)
        }
    }

    /// Keys and values in the order in which the keys came.
    package struct Mapping {
        private(set) var keys: [Value] = []
        private(set) var values: [Value] = []
        private var indices: [Key: Int] = [:]
        private(set) var depth = 1

        package init() {}

        var count: Int { keys.count }
        subscript(key: Key) -> Value? { indices[key].map { values[$0] } }

        mutating func set(_ key: Value, _ hash: Key, to value: Value) {
            depth = max(depth, 1 + value.depth, 1 + key.depth)
            if let index = indices[hash] {
                values[index] = value
            } else {
                indices[hash] = keys.count
                keys.append(key)
                values.append(value)
            }
        }

        package mutating func set(_ key: String, to value: Value) { set(.string(key), .text(key), to: value) }
        package subscript(key: String) -> Value? { self[.text(key)] }
    }

    package final class Iteration {
        private var rest: ArraySlice<Value>
        init(_ elements: [Value]) { rest = elements[...] }
        func next() -> Value? { rest.popFirst() }
        func takeAll() -> [Value] {
            defer { rest = [] }
            return Array(rest)
        }
    }

    /// What `namespace()` makes: the one value that assignments change.
    package final class Namespace {
        var attributes: [String: Value] = [:]
    }

    package static func list(_ elements: [Value]) -> Value { .list(Items(elements)) }
    static func tuple(_ elements: [Value]) -> Value { .tuple(Items(elements)) }

    /// How deep it is nested; 0 for a value that has none within it.
    var depth: Int {
        switch self {
        case .list(let items), .tuple(let items), .view(let items, _): items.depth
        case .dictionary(let mapping): mapping.depth
        default: 0
        }
    }
}

/// A value as the key of a mapping: equal numbers are the same key whatever their types.
package enum Key: Hashable {
    case none
    case number(Int)
    case float(Double)
    case bytes([UInt8])
    case tuple([Key])

    static func text(_ text: String) -> Key { .bytes(Array(text.utf8)) }

    /// Nil for what cannot be a key.
    init?(_ value: Value) {
        switch value {
        case .none: self = .none
        case .bool(let value): self = .number(value ? 1 : 0)
        case .integer(let value): self = .number(value)
        case .float(let value): self = Int(exactly: value).map { .number($0) } ?? .float(value)
        case .string(let text), .markup(let text): self = .text(text)
        case .tuple(let items):
            var keys: [Key] = []
            for element in items.elements {
                guard let key = Key(element) else { return nil }
                keys.append(key)
            }
            self = .tuple(keys)
        default: return nil
        }
    }
}

extension Value {
    /// What messages call the type.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .string: "str"
        case .markup: "Markup"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .view(_, let name): name
        case .iterator: "generator"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .callable: "function"
        }
    }

    /// What Jinja calls an object whose attribute is missing.
    var objectName: String {
        switch self {
        case .none: "None"
        case .namespace: "jinja2.utils.Namespace object"
        case .loop: "jinja2.runtime.LoopContext object"
        case .markup: "markupsafe.Markup object"
        default: "\(typeName) object"
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .string(let text), .markup(let text): !text.isEmpty
        case .list(let items), .tuple(let items), .view(let items, _): !items.elements.isEmpty
        case .dictionary(let mapping): mapping.count > 0
        case .iterator, .namespace, .loop, .callable: true
        }
    }

    /// The number that it is, truth values being 0 and 1 as in Python.
    var integerValue: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): value
        default: nil
        }
    }

    var doubleValue: Double? { if case .float(let value) = self { value } else { integerValue.map(Double.init) } }

    var text: String? {
        switch self {
        case .string(let text), .markup(let text): text
        default: nil
        }
    }
}
