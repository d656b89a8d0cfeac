/// The variable `loop`: where a loop is. The values are drawn one by one, and one ahead only when the template asks what comes next.
package final class Loop {
    private let draw: () throws(JinjaError) -> Value?
    /// How many values there are, when that is known beforehand.
    private var knownCount: Int?
    private var ahead: [Value] = []
    private(set) var index = -1
    private(set) var current: Value?
    private(set) var previous: Value?
    private var lastChanged: [Value]?

    init(count: Int?, _ draw: @escaping () throws(JinjaError) -> Value?) {
        knownCount = count
        self.draw = draw
    }

    func next() throws(JinjaError) -> Value? {
        let value = ahead.isEmpty ? try draw() : ahead.removeFirst()
        guard let value else { return nil }
        index += 1
        previous = current
        current = value
        return value
    }

    func peek() throws(JinjaError) -> Value? {
        if ahead.isEmpty, let value = try draw() { ahead.append(value) }
        return ahead.first
    }

    func count() throws(JinjaError) -> Int {
        if let knownCount { return knownCount }
        while let value = try draw() { ahead.append(value) }
        let count = index + 1 + ahead.count
        knownCount = count
        return count
    }

    /// Nil for an attribute that loops do not have.
    func attribute(_ name: String) throws(JinjaError) -> Value? {
        switch name {
        case "index": .integer(index + 1)
        case "index0": .integer(index)
        case "revindex": .integer(try count() - index)
        case "revindex0": .integer(try count() - index - 1)
        case "first": .bool(index == 0)
        case "last": .bool(try peek() == nil)
        case "length": .integer(try count())
        case "depth": .integer(1)
        case "depth0": .integer(0)
        case "previtem": previous ?? .undefined(Value.Undefined(message: "there is no previous item"))
        case "nextitem": try peek() ?? .undefined(Value.Undefined(message: "there is no next item"))
        case "cycle", "changed": .callable(.loopMethod(self, name))
        default: nil
        }
    }

    /// Whether these values differ from those of the last call.
    func changed(_ values: [Value], isEqual: (Value, Value) throws(JinjaError) -> Bool) throws(JinjaError) -> Bool {
        defer { lastChanged = values }
        guard let last = lastChanged, last.count == values.count else { return true }
        for (a, b) in zip(last, values) where try !isEqual(a, b) { return true }
        return false
    }
}
