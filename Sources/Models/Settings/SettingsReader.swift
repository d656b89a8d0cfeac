import ModelFiles

/// Reads a model's settings one by one and keeps account of them, so that a setting nobody asked for can be refused by name.
///
/// Every number is checked against the range that makes sense for it as it is read, before anything is computed from it.
final class SettingsReader {
    private let source: any KeyedValues
    /// What stands before each of `keys` in the source, for example `llama.`.
    private let prefix: String
    /// The keys that are there and not null, without the prefix.
    private let keys: [String]
    /// The keys whose value is null.
    private let nullKeys: Set<String>
    private var taken: Set<String> = []

    /// The settings of a GGUF file under an architecture's name.
    init(_ file: GGUFFile, architecture: String) {
        source = file
        prefix = architecture + "."
        let length = prefix.count
        keys = file.keys.filter { [prefix] in $0.hasPrefix(prefix) }.map { String($0.dropFirst(length)) }
        nullKeys = []
    }

    /// The settings of a JSON document.
    convenience init(_ document: JSONDocument) { self.init(document, object: document.root, prefix: "") }

    private init(_ document: JSONDocument, object: JSONObject, prefix: String) {
        source = document
        self.prefix = prefix
        keys = object.members.filter { !$0.value.isNull }.map(\.key)
        nullKeys = Set(object.members.filter(\.value.isNull).map(\.key))
    }

    func contains(_ key: String) -> Bool { keys.contains(key) }

    /// Whether a JSON document says null, which some settings tell apart from silence.
    func isNull(_ key: String) -> Bool { nullKeys.contains(key) }

    /// The settings within an object of a JSON document; nil when there is no such object, or an empty one.
    func section(_ key: String) throws -> SettingsReader? {
        guard contains(key), let document = source as? JSONDocument else { return nil }
        taken.insert(key)
        guard let object = document.value(prefix + key)?.object else {
            throw ModelError.invalidConfiguration("\(prefix + key) is \(value(key)), expected an object")
        }
        return object.members.isEmpty ? nil : SettingsReader(document, object: object, prefix: prefix + key + ".")
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int {
        taken.insert(key)
        return try checked(source.integer(prefix + key), key, range)
    }

    func integer(ifPresent key: String, in range: ClosedRange<Int>) throws -> Int? {
        taken.insert(key)
        return try source.integer(ifPresent: prefix + key).map { try checked($0, key, range) }
    }

    /// An integer, or an array that gives every layer the same one.
    func uniformInteger(ifPresent key: String, layers: Int, in range: ClosedRange<Int>) throws -> Int? {
        guard let array = try? source.integers(ifPresent: prefix + key) else { return try integer(ifPresent: key, in: range) }
        taken.insert(key)
        guard let first = array.first, array.count >= layers, array.allSatisfy({ $0 == first }) else {
            throw ModelError.unsupported("\(prefix + key) differs from layer to layer; Monge runs models whose layers are all alike")
        }
        return try checked(first, key, range)
    }

    func number(_ key: String, in range: ClosedRange<Float>) throws -> Float {
        taken.insert(key)
        return try checked(source.float(prefix + key), key, range)
    }

    func number(ifPresent key: String, in range: ClosedRange<Float>) throws -> Float? {
        taken.insert(key)
        return try source.float(ifPresent: prefix + key).map { try checked($0, key, range) }
    }

    /// A number with all the digits that JSON has of it.
    func precise(ifPresent key: String, in range: ClosedRange<Double>) throws -> Double? {
        guard let number = try number(ifPresent: key, in: -.infinity ... .infinity) else { return nil }
        return try checked((source.value(prefix + key) as? JSONValue)?.double ?? Double(number), key, range)
    }

    /// A list of numbers.
    func numbers(ifPresent key: String, in range: ClosedRange<Float>) throws -> [Float]? {
        taken.insert(key)
        return try source.floats(ifPresent: prefix + key)?.map { try checked($0, key, range) }
    }

    func string(ifPresent key: String) throws -> String? {
        taken.insert(key)
        return try source.string(ifPresent: prefix + key)
    }

    func strings(ifPresent key: String) throws -> [String]? {
        taken.insert(key)
        return try source.strings(ifPresent: prefix + key)
    }

    func integers(ifPresent key: String, in range: ClosedRange<Int>) throws -> [Int]? {
        taken.insert(key)
        return try source.integers(ifPresent: prefix + key).map { try $0.map { try checked($0, key, range) } }
    }

    /// So many integers, or one that stands for all of them.
    func integers(ifPresent key: String, count: Int, in range: ClosedRange<Int>) throws -> [Int]? {
        guard let array = try? source.integers(ifPresent: prefix + key) else {
            return try integer(ifPresent: key, in: range).map { [Int](repeating: $0, count: count) }
        }
        taken.insert(key)
        guard array.count == count else {
            throw ModelError.invalidConfiguration("\(prefix + key) has \(array.count) numbers, expected \(count)")
        }
        return try array.map { try checked($0, key, range) }
    }

    /// A list of integers for each of some places: one integer for all, one a place, or a list a place.
    /// - Parameter counts: How many integers each place has.
    func nestedIntegers(ifPresent key: String, counts: [Int], in range: ClosedRange<Int>) throws -> [[Int]]? {
        guard let array = (source.value(prefix + key) as? JSONValue)?.array, array.contains(where: { $0.array != nil }) else {
            return try integers(ifPresent: key, count: counts.count, in: range).map { zip($0, counts).map(Array.init(repeating:count:)) }
        }
        taken.insert(key)
        guard array.count == counts.count else {
            throw ModelError.invalidConfiguration("\(prefix + key) has \(array.count) lists, expected \(counts.count)")
        }
        return try zip(array, counts).map { value, count in
            guard let list = value.integers ?? value.integer.map({ [Int](repeating: $0, count: count) }), list.count == count else {
                throw ModelError.invalidConfiguration("\(prefix + key) holds a list that is not of \(count) integers")
            }
            return try list.map { try checked($0, key, range) }
        }
    }

    /// Refuses the settings of another class than one of diffusers that is expected; silence is taken for it.
    func requireClass(_ name: String) throws {
        let found = try string(ifPresent: "_class_name") ?? name
        guard found == name else {
            throw ModelError.unsupportedSetting(key: "_class_name", value: "'\(found)'", meaning: "expected \(name)")
        }
        ignore(["_diffusers_version", "_name_or_path"])
    }

    func bool(ifPresent key: String) throws -> Bool? {
        taken.insert(key)
        return try source.bool(ifPresent: prefix + key)
    }

    /// Leaves settings out of the account: they change nothing that Monge computes.
    func ignore(_ keys: some Sequence<String>) { taken.formUnion(keys) }

    /// Refuses a setting that is there and says something else than what Monge does without it.
    func refuse(_ settings: [NeutralSetting]) throws {
        for setting in settings where contains(setting.key) && !taken.contains(setting.key) {
            taken.insert(setting.key)
            guard let value = source.value(prefix + setting.key), !setting.isNeutral(value) else { continue }
            throw ModelError.unsupportedSetting(key: prefix + setting.key, value: self.value(setting.key), meaning: setting.meaning)
        }
    }

    /// Refuses every setting that has not been read, ignored or found neutral.
    func finish() throws {
        guard let key = keys.first(where: { !taken.contains($0) }) else { return }
        throw ModelError.unsupportedSetting(key: prefix + key, value: value(key), meaning: nil)
    }

    /// The value as a person would write it.
    private func value(_ key: String) -> String {
        guard let value = source.value(prefix + key) else { return "absent" }
        return value.string.map { "'\($0)'" } ?? value.bool.map { "\($0)" } ?? value.integer.map { "\($0)" }
            ?? value.float.map { "\($0)" } ?? value.typeDescription
    }

    private func checked<T: Comparable>(_ value: T, _ key: String, _ range: ClosedRange<T>) throws -> T {
        // Not a number is in no range.
        guard range.contains(value) else {
            throw ModelError.invalidConfiguration("\(prefix + key) is \(value), expected \(range.lowerBound) … \(range.upperBound)")
        }
        return value
    }
}
