import ModelFiles

/// What a judge says of a picture: values under labels.
public struct PictureVerdict: Sendable, Equatable {
    private let labels: JSONObject

    package init(_ labels: JSONObject) { self.labels = labels }

    /// The value under a label, or within one: `styles.lineart`.
    package func value(_ label: String) -> JSONValue? {
        if let value = labels[label] { return value }
        var found: JSONValue? = .object(labels)
        for part in label.split(separator: ".", omittingEmptySubsequences: false) { found = found?[String(part)] }
        return found
    }

    /// The texts under a label: a list's, or the only one.
    func texts(_ label: String) -> [String]? {
        switch value(label) {
        case .array(let values): values.compactMap(\.string)
        case .string(let text): [text]
        default: nil
        }
    }

    /// The labels, for messages.
    var names: [String] { labels.members.map(\.key) }

    /// The labels of both; where both have one, the other's.
    func merged(with other: PictureVerdict) -> PictureVerdict {
        let kept = labels.members.filter { other.labels[$0.key] == nil }
        return PictureVerdict(JSONObject(members: kept + other.labels.members))
    }
}
