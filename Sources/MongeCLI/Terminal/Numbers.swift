import ArgumentParser
import Foundation

/// What options that take numbers accept. A value that starts with a minus is a value: such options are declared with
/// `parsing: .unconditional`.
enum Number {
    /// Reads whole numbers of a range.
    static func integer(in range: ClosedRange<Int>) -> @Sendable (String) throws -> Int {
        { text in
            guard let value = Int(text), range.contains(value) else {
                guard range.upperBound == Number.most else {
                    throw ValidationError("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
                }
                let isTooLarge = Int(text).map { $0 > range.upperBound } ?? Number.isLong(text)
                throw ValidationError(
                    "expected a whole number of \(range.lowerBound) or more\(isTooLarge ? ", and at most \(range.upperBound)" : "")")
            }
            return value
        }
    }

    /// Reads whole numbers from a smallest on.
    static func integer(from smallest: Int) -> @Sendable (String) throws -> Int { integer(in: smallest...most) }

    /// Reads finite numbers of a range.
    /// - Parameter expected: What the range is, in words: "a number above 0".
    static func real(_ expected: String, _ isInRange: @escaping @Sendable (Float) -> Bool) -> @Sendable (String) throws -> Float {
        { text in
            guard let value = Float(text), value.isFinite, isInRange(value) else { throw ValidationError("expected \(expected)") }
            return value
        }
    }

    static let temperature = real("a number of 0 or more") { $0 >= 0 }
    /// Standard errors that differences of means are shrunk by.
    static let shrinkage = real("a number of 0 or more") { $0 >= 0 }
    /// The scale of classifier-free guidance.
    static let guidance = real("a number of 0 or more") { $0 >= 0 }
    static let probability = real("a number above 0 and up to 1") { $0 > 0 && $0 <= 1 }
    static let penalty = real("a number above 0") { $0 > 0 }

    /// Texts that are drawn for one prompt at one strength: as many as one batch may hold.
    static let samples = integer(in: 1...100_000)

    /// The seed of random numbers.
    static let seed: @Sendable (String) throws -> UInt64 = { text in
        guard let value = UInt64(text) else { throw ValidationError("expected a whole number from 0 to \(UInt64.max)") }
        return value
    }

    /// Reads numbers with commas between them, for example `0,0.25,0.5`.
    static let strengths: @Sendable (String) throws -> Strengths = { text in
        let values = try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let part = part.trimmingCharacters(in: .whitespaces)
            guard let value = Float(part), value.isFinite else {
                throw ValidationError("'\(part)' is no finite number; give numbers with commas between them, for example -0.5,0,1")
            }
            return value
        }
        return Strengths(values)
    }

    /// Reads numbers of tokens with commas between them.
    static let tokens: @Sendable (String) throws -> [Int32] = { text in
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let part = part.trimmingCharacters(in: .whitespaces)
            guard let value = Int32(part), value >= 0 else {
                throw ValidationError("'\(part)' is no token's number, which is a whole number from 0 to \(Int32.max)")
            }
            return value
        }
    }

    /// More than any count here can sensibly be, and few enough that sums and products of counts fit.
    private static let most = 1 << 30

    /// Whether a text is a whole number too large for `Int`.
    private static func isLong(_ text: String) -> Bool { text.count > 18 && text.allSatisfy(\.isWholeNumber) }
}

/// Strengths that are compared.
struct Strengths: Sendable, CustomStringConvertible {
    var values: [Float]

    init(_ values: [Float]) { self.values = values }

    var description: String { values.map { String(format: "%g", $0) }.joined(separator: ",") }
}
