import ModelFiles

/// The names of what a classifier tells apart.
enum ClassifierLabels {
    /// `id2label` of a `config.json`, in the order of the numbers that the model gives; without names those of transformers.
    static func read(_ document: JSONDocument) throws -> [String] {
        guard let members = document.value("id2label")?.object?.members else {
            let count = try document.integer(ifPresent: "num_labels") ?? 2
            guard (1...1 << 20).contains(count) else { throw ModelError.invalidConfiguration("num_labels is \(count)") }
            return (0..<count).map { "LABEL_\($0)" }
        }
        let labels = Dictionary(members.compactMap { member in Int(member.key).flatMap { key in member.value.string.map { (key, $0) } } }) {
            $1
        }
        guard labels.count == members.count, !labels.isEmpty, Set(labels.keys) == Set(0..<labels.count),
            Set(labels.values).count == labels.count
        else {
            throw ModelError.invalidConfiguration("id2label does not name the labels 0 … \(members.count - 1), each by a name of its own")
        }
        return (0..<labels.count).map { labels[$0]! }
    }
}
