import Foundation

/// A question about a text that is answered by yes or no, and what an answer's likelihoods say.
public struct YesNoQuestion: Sendable, Equatable {
    /// What stands for the text.
    public static let mark = "{text}"

    private let template: String

    /// - Throws: ``MongeError/usage(_:)`` when the question has no place for a text.
    public init(_ template: String) throws {
        guard template.contains(Self.mark) else {
            throw MongeError.usage("the question '\(template.beginning)' has no \(Self.mark), which stands for the text that is judged")
        }
        self.template = template
    }

    var description: String { template }

    func about(_ text: String) -> String { template.replacing(Self.mark, with: text) }

    /// What a first token or word of an answer says: true for yes, in any case and with spaces or marks around it; nil for neither.
    package static func meaning(_ word: some StringProtocol) -> Bool? {
        switch word.lowercased().trimmingCharacters(in: .whitespacesAndNewlines.union(.punctuationCharacters)) {
        case "yes": true
        case "no": false
        default: nil
        }
    }

    /// The probability of yes over that of yes and no together; nil where neither has one.
    package static func score(_ logarithms: [(isYes: Bool, value: Double)]) -> Double? {
        guard let most = logarithms.map(\.value).max(), most > -.infinity else { return nil }
        let yes = logarithms.reduce(0) { $0 + ($1.isYes ? exp($1.value - most) : 0) }
        return yes / logarithms.reduce(0) { $0 + exp($1.value - most) }
    }
}
