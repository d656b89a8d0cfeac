/// Looks for texts that end a continuation, in parts as they come, and holds back what may be the beginning of one.
struct StopTexts {
    private let stops: [[Character]]
    private var held: [Character] = []

    /// - Parameter stops: None empty.
    init(_ stops: [String]) { self.stops = stops.map(Array.init) }

    /// - Returns: What can be handed on, and the stop text that was found: the text ends before it.
    mutating func append(_ part: String) -> (text: String, stop: String?) {
        guard !stops.isEmpty else { return (part, nil) }
        held += part
        var first: (place: Int, stop: [Character])?
        for stop in stops {
            guard let place = Self.first(stop, in: held), first.map({ place < $0.place }) ?? true else { continue }
            first = (place, stop)
        }
        if let first {
            defer { held = [] }
            return (String(held[..<first.place]), String(first.stop))
        }
        let kept = stops.map { Self.beginning(of: $0, atTheEndOf: held) }.max()!
        let text = String(held.dropLast(kept))
        held = Array(held.suffix(kept))
        return (text, nil)
    }

    /// What is left when the continuation ends otherwise.
    mutating func finish() -> String {
        defer { held = [] }
        return String(held)
    }

    private static func first(_ stop: [Character], in text: [Character]) -> Int? {
        guard stop.count <= text.count else { return nil }
        return (0...text.count - stop.count).first { text[$0..<$0 + stop.count].elementsEqual(stop) }
    }

    /// How many characters at the end of a text are the beginning of a stop text.
    private static func beginning(of stop: [Character], atTheEndOf text: [Character]) -> Int {
        (0..<min(stop.count, text.count + 1)).last { text.suffix($0).elementsEqual(stop.prefix($0)) } ?? 0
    }
}
