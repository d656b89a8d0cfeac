/// Python's comparisons.
extension Interpreter {
    func compare(_ left: Value, _ operation: Expression.Comparison, _ right: Value) throws(JinjaError) -> Bool {
        switch operation {
        case .equal: return try isEqual(left, right)
        case .unequal: return try !isEqual(left, right)
        case .less: return try isLess(left, right, "<")
        case .greater: return try isLess(right, left, ">")
        case .lessOrEqual:
            if try isLess(left, right, "<=") { return true }
            return try isEqual(left, right)
        case .greaterOrEqual:
            if try isLess(right, left, ">=") { return true }
            return try isEqual(left, right)
        case .in: return try contains(right, left)
        case .notIn: return try !contains(right, left)
        }
    }

    func isEqual(_ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        try charge(1)
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            guard a.elements.count == b.elements.count else { return false }
            for (x, y) in zip(a.elements, b.elements) where try !isEqual(x, y) { return false }
            return true
        case (.dictionary(let a), .dictionary(let b)):
            guard a.count == b.count else { return false }
            for (key, value) in zip(a.keys, a.values) {
                guard let other = b[try self.key(key)], try isEqual(value, other) else { return false }
            }
            return true
        case (.view(let a, let name), .view(let b, let otherName)):
            guard name == otherName, a.elements.count == b.elements.count else { return false }
            for (x, y) in zip(a.elements, b.elements) where try !isEqual(x, y) { return false }
            return true
        case (.iterator(let a), .iterator(let b)): return a === b
        case (.namespace(let a), .namespace(let b)): return a === b
        case (.loop(let a), .loop(let b)): return a === b
        case (.callable, .callable): throw unsupported("functions cannot be compared")
        default: break
        }
        if let a = left.text, let b = right.text {
            guard a.utf8.count == b.utf8.count else { return false }
            try charge(a.utf8.count / 32)
            return a.isSame(as: b)
        }
        if let a = left.integerValue, let b = right.integerValue { return a == b }
        if let a = left.doubleValue, let b = right.doubleValue { return a == b }
        return false
    }

    func isLess(_ left: Value, _ right: Value, _ operation: String = "<") throws(JinjaError) -> Bool {
        try charge(1)
        if let a = left.text, let b = right.text {
            try charge(min(a.utf8.count, b.utf8.count) / 32)
            return a.isBefore(b)
        }
        if let a = left.integerValue, let b = right.integerValue { return a < b }
        if let a = left.doubleValue, let b = right.doubleValue { return a < b }
        switch (left, right) {
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (x, y) in zip(a.elements, b.elements) where try !isEqual(x, y) { return try isLess(x, y, operation) }
            return a.elements.count < b.elements.count
        default: throw typeFailure(operation, left, right)
        }
    }

    func contains(_ container: Value, _ value: Value) throws(JinjaError) -> Bool {
        switch container {
        case .string(let text), .markup(let text):
            guard let part = value.text else { throw typeFailure("in", value, container) }
            return try find(scalars(part), in: scalars(text), from: 0) != nil
        case .dictionary(let mapping): return mapping[try key(value)] != nil
        case .list, .tuple, .view, .iterator, .undefined:
            for element in try elements(of: container) where try isEqual(element, value) { return true }
            return false
        default: throw typeFailure("in", value, container)
        }
    }

    /// A value as a key.
    func key(_ value: Value) throws(JinjaError) -> Key {
        if case .undefined(let undefined) = value {
            throw unsupported("an undefined value as a key is not supported: \(undefined.message)")
        }
        guard let key = Key(value) else { throw failure("unhashable type: '\(value.typeName)'") }
        return key
    }

    /// Where `part` begins in `text`, from an index on.
    func find(_ part: [Unicode.Scalar], in text: [Unicode.Scalar], from start: Int) throws(JinjaError) -> Int? {
        guard part.count <= text.count - start else { return nil }
        guard !part.isEmpty else { return start }
        var compared = 0
        for index in start...(text.count - part.count) {
            var length = 0
            while length < part.count, text[index + length] == part[length] { length += 1 }
            if length == part.count { return index }
            compared += length + 1
            if compared > 4096 {
                try charge(compared / 32)
                compared = 0
            }
        }
        return nil
    }

    /// A stable sort that may fail.
    func sorted<T>(_ values: [T], _ isBefore: (T, T) throws(JinjaError) -> Bool) throws(JinjaError) -> [T] {
        guard values.count > 1 else { return values }
        let middle = values.count / 2
        let left = try sorted(Array(values[..<middle]), isBefore)
        let right = try sorted(Array(values[middle...]), isBefore)
        var merged: [T] = []
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if try isBefore(right[j], left[i]) {
                merged.append(right[j])
                j += 1
            } else {
                merged.append(left[i])
                i += 1
            }
        }
        return merged + left[i...] + right[j...]
    }
}
