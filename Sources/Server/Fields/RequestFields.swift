import Foundation
import ModelFiles

/// The fields of an object in a request's body. Each is read by name and kind; those that nobody reads are refused.
struct RequestFields {
    private let object: JSONObject
    /// What leads to this object, with a point behind it: empty for the body itself.
    private let path: String
    /// Of the fields that somebody asked for.
    private let known: Known

    private final class Known { var names: Set<String> = [] }

    init(_ object: JSONObject, path: String = "") {
        (self.object, self.path) = (object, path)
        known = Known()
    }

    /// Of a body.
    init(_ body: [UInt8]) throws {
        guard !body.isEmpty else { throw ServerError(.badRequest, "the body is empty, expected an object in JSON") }
        let value: JSONValue
        do {
            value = try JSONParser.parse(body, named: "the body")
        } catch {
            throw ServerError(.badRequest, "\(error)", code: "bad_json")
        }
        guard let object = value.object else {
            throw ServerError(.badRequest, "the body is \(value.typeDescription), expected an object", code: "bad_json")
        }
        self.init(object)
    }

    func name(_ field: String) -> String { path + field }

    /// The value of a field; nil where it is absent or null.
    func value(_ field: String) -> JSONValue? {
        known.names.insert(field)
        return object[field].flatMap { $0.isNull ? nil : $0 }
    }

    private func expected(_ field: String, _ kind: String, _ value: JSONValue) -> ServerError {
        .field(name(field), "'\(name(field))' is \(value.typeDescription), expected \(kind)")
    }

    func string(_ field: String, atMost limit: Int = 1 << 20) throws -> String? {
        guard let value = value(field) else { return nil }
        guard let text = value.string else { throw expected(field, "a string", value) }
        guard text.utf8.count <= limit else {
            throw ServerError.field(name(field), "'\(name(field))' has \(text.utf8.count) bytes, expected at most \(limit)")
        }
        return text
    }

    func bool(_ field: String) throws -> Bool? {
        guard let value = value(field) else { return nil }
        guard let bool = value.bool else { throw expected(field, "true or false", value) }
        return bool
    }

    func integer(_ field: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = value(field) else { return nil }
        // 3.0 is an integer, too (JSON Schema, section 6.3 of the core), as far as a Double tells integers apart: what is larger and fits no Int is another.
        let whole = value.double.flatMap { abs($0) <= 0x1p53 ? Int(exactly: $0) : nil }
        guard let integer = value.integer ?? whole else { throw expected(field, "an integer", value) }
        guard range.contains(integer) else {
            throw ServerError.field(name(field), "'\(name(field))' is \(integer), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    func number(_ field: String, in range: ClosedRange<Float>) throws -> Float? {
        guard let value = value(field) else { return nil }
        guard let number = value.float else { throw expected(field, "a number", value) }
        guard range.contains(number) else {
            throw ServerError.field(name(field), "'\(name(field))' is \(number), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func numbers(_ field: String, in range: ClosedRange<Float>, atMost count: Int) throws -> [Float]? {
        guard let value = value(field) else { return nil }
        guard let numbers = value.floats, numbers.allSatisfy(range.contains) else {
            throw expected(field, "an array of numbers from \(range.lowerBound) to \(range.upperBound)", value)
        }
        guard (1...count).contains(numbers.count) else {
            throw ServerError.field(name(field), "'\(name(field))' has \(numbers.count) numbers, expected 1 to \(count)")
        }
        return numbers
    }

    /// A string, or several.
    func strings(_ field: String, atMost count: Int, atLeast least: Int = 1, acceptsOne: Bool = true) throws -> [String]? {
        guard let value = value(field) else { return nil }
        if acceptsOne, let text = value.string { return [text] }
        guard let texts = value.strings else { throw expected(field, "\(acceptsOne ? "a string or " : "")an array of strings", value) }
        guard (least...count).contains(texts.count) else {
            throw ServerError.field(name(field), "'\(name(field))' has \(texts.count) strings, expected \(least) to \(count)")
        }
        return texts
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ field: String, _ type: Choice.Type) throws -> Choice?
    where Choice.RawValue == String {
        guard let text = try string(field) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ServerError.field(name(field), "'\(name(field))' is '\(text.prefix(64))', expected one of \(all)")
        }
        return choice
    }

    /// An object's fields.
    func fields(_ field: String) throws -> RequestFields? {
        guard let value = value(field) else { return nil }
        guard let object = value.object else { throw expected(field, "an object", value) }
        return RequestFields(object, path: name(field) + ".")
    }

    /// The fields of each of several objects.
    func list(_ field: String, atMost count: Int) throws -> [RequestFields]? {
        guard let value = value(field) else { return nil }
        guard let array = value.array else { throw expected(field, "an array of objects", value) }
        guard array.count <= count else {
            throw ServerError.field(name(field), "'\(name(field))' has \(array.count) elements, expected at most \(count)")
        }
        return try array.enumerated().map { index, element in
            guard let object = element.object else {
                throw ServerError.field(
                    "\(name(field))[\(index)]", "'\(name(field))[\(index)]' is \(element.typeDescription), expected an object")
            }
            return RequestFields(object, path: "\(name(field))[\(index)].")
        }
    }

    /// What cannot be done without.
    func required<Value>(_ field: String, _ value: Value?) throws -> Value {
        guard let value else { throw ServerError.field(name(field), "'\(name(field))' is missing") }
        return value
    }

    /// Refuses a setting that the server does not have, unless it is what happens anyway.
    /// - Parameter harmless: Whether a value changes nothing.
    func refuse(_ field: String, unless harmless: (JSONValue) -> Bool = { _ in false }, _ reason: String) throws {
        guard let value = value(field), !harmless(value) else { return }
        throw ServerError.field(name(field), "'\(name(field))' is not supported: \(reason)", code: "unsupported")
    }

    /// Refuses fields that nobody has asked for.
    func finish() throws {
        for member in object.members where !known.names.contains(member.key) {
            throw ServerError.field(
                name(member.key), "'\(name(String(member.key.prefix(64))))' is no field of this request", code: "unknown_field")
        }
    }
}
