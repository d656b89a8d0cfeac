import ModelFiles

/// A question to a judge's verdict that a picture answers with yes or no, written `label=value`, `label!=value` or `label>number` (`<`, `>=` and `<=`
/// likewise), or `label` alone for one that is true or false: `style=lineart`, `heart>0.5`, `styles.lineart>=0.9`.
public struct PictureQuestion: Sendable, Equatable, CustomStringConvertible {
    private enum Relation: String, CaseIterable {
        // Longer ones first: `>=` begins with `>`.
        case unequal = "!=", atLeast = ">=", atMost = "<=", equal = "=", above = ">", below = "<"
    }

    public let description: String
    private let label: String
    private let condition: (relation: Relation, value: String)?

    public init(_ text: String) throws {
        description = text
        let places = Relation.allCases.compactMap { relation in text.range(of: relation.rawValue).map { (relation, $0) } }
        // The first in the text, and of those the longest.
        guard let (relation, range) = places.min(by: { ($0.1.lowerBound, $1.0.rawValue.count) < ($1.1.lowerBound, $0.0.rawValue.count) })
        else {
            label = text.trimmed
            condition = nil
            guard !label.isEmpty else { throw MongeError.usage("a question to a judge is empty; it is one such as style=lineart") }
            return
        }
        label = text[..<range.lowerBound].trimmed
        let value = text[range.upperBound...].trimmed
        condition = (relation, value)
        guard !label.isEmpty, !value.isEmpty else {
            throw MongeError.usage(
                "'\(text)' is no question to a judge: give a label, a relation and a value, such as style=lineart or heart>0.5")
        }
        if ![.equal, .unequal].contains(relation), Double(value)?.isFinite != true {
            throw MongeError.usage("'\(text)' compares with '\(value)', which is no number")
        }
    }

    /// Whether a verdict says yes.
    /// - Throws: ``MongeError/failed(_:)`` when it lacks the label, or has under it what cannot be compared so.
    /// - Parameter name: The picture's, for messages.
    package func answer(_ verdict: PictureVerdict, of name: String) throws -> Bool {
        guard let found = verdict.value(label) else {
            throw MongeError.failed("the judge gives \(name) no label '\(label)'; its labels are \(verdict.names.joined(separator: ", "))")
        }
        guard let (relation, wanted) = condition else {
            guard let bool = found.bool else {
                throw unfit(found, name, "neither true nor false; write '\(label)=VALUE' or '\(label)>NUMBER'")
            }
            return bool
        }
        switch relation {
        case .equal, .unequal:
            let isEqual: Bool
            switch found {
            case .string(let text): isEqual = text == wanted
            case .bool(let bool): isEqual = "\(bool)" == wanted
            case .integer, .number: isEqual = found.double == Double(wanted)
            default: throw unfit(found, name, "no single value")
            }
            return isEqual == (relation == .equal)
        case .above, .below, .atLeast, .atMost:
            guard let number = found.double else { throw unfit(found, name, "no number") }
            let bound = Double(wanted)!
            return switch relation {
            case .above: number > bound
            case .below: number < bound
            case .atLeast: number >= bound
            default: number <= bound
            }
        }
    }

    private func unfit(_ value: JSONValue, _ name: String, _ what: String) -> MongeError {
        .failed("what the judge gives \(name) under '\(label)' is \(what)")
    }

    public static func == (left: PictureQuestion, right: PictureQuestion) -> Bool { left.description == right.description }
}

extension StringProtocol {
    /// Without spaces at its ends.
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
