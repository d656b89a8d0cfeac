/// A regular expression for names of sites that takes time in proportion to its length and the name's, whatever it is: strangers send it.
///
/// It is a set of states of an automaton (Thompson, "Regular expression search algorithm", CACM 1968), where Swift's `Regex` tries one way after the other
/// and some patterns have no end. Letters and digits of `\w` and `\d` are those of ASCII, as in names of sites. What it knows is what names are asked for with: characters, `.`, `\d`, `\w`, `\s` and their opposites, `\` before a mark, `[a-z]`,
/// `[^a-z]`, groups, `|`, `*`, `+`, `?` and `{m,n}`, with or without a `?` behind. All else is refused by name.
package struct SitePattern: Sendable {
    /// Why a pattern is none.
    struct Problem: Error, CustomStringConvertible { let description: String }

    private indirect enum Node {
        case empty
        case character(CharacterSet)
        case sequence([Node])
        case choice([Node])
        /// At least so often, and at most; nil for any number.
        case many(Node, Int, Int?)
    }

    /// Which characters match.
    private struct CharacterSet: Sendable {
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var isNegated = false

        func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar) } != isNegated }

        static let any = CharacterSet(isNegated: true)
        static let digit = CharacterSet(ranges: ["0"..."9"])
        static let word = CharacterSet(ranges: ["0"..."9", "A"..."Z", "a"..."z", "_"..."_"])
        static let space = CharacterSet(ranges: ["\t"..."\r", " "..." "])
    }

    private enum State: Sendable {
        case character(CharacterSet, next: Int)
        case fork(Int, Int)
        case end
    }

    private var states: [State] = [.end]
    private var start = 0

    /// States that a pattern comes to at most: those of `{m,n}` are as many as what they repeat.
    private static let mostStates = 4096
    private static let deepest = 32

    package init(_ text: String) throws {
        var parser = Parser(Array(text.unicodeScalars))
        let node = try parser.choice(depth: 0)
        guard parser.isAtEnd else { throw Problem(description: "a ')' has no '(' before it") }
        start = try add(node, before: 0)
    }

    /// Adds the states of a node that goes on with others.
    /// - Returns: Where it begins.
    private mutating func add(_ node: Node, before next: Int) throws -> Int {
        func append(_ state: State) throws -> Int {
            guard states.count < Self.mostStates else { throw Problem(description: "it repeats too much") }
            states.append(state)
            return states.count - 1
        }
        switch node {
        case .empty: return next
        case .character(let set): return try append(.character(set, next: next))
        case .sequence(let nodes): return try nodes.reversed().reduce(next) { try add($1, before: $0) }
        case .choice(let nodes):
            var first = try add(nodes.last!, before: next)
            for node in nodes.dropLast().reversed() { first = try append(.fork(add(node, before: next), first)) }
            return first
        case .many(let node, let least, let most):
            var first = next
            if let most {
                for _ in 0..<(most - least) { first = try append(.fork(add(node, before: first), next)) }
            } else {
                let loop = try append(.fork(next, next))
                states[loop] = .fork(try add(node, before: loop), next)
                first = loop
            }
            for _ in 0..<least { first = try add(node, before: first) }
            return first
        }
    }

    /// Whether the whole of a name matches.
    package func matches(_ name: String) -> Bool {
        var current = reach([start])
        for scalar in name.unicodeScalars {
            current = reach(
                current.compactMap { place in
                    guard case .character(let set, let next) = states[place], set.contains(scalar) else { return nil }
                    return next
                })
            if current.isEmpty { return false }
        }
        return current.contains(0)
    }

    /// The states that are reached without a character.
    private func reach(_ places: [Int]) -> [Int] {
        var (seen, open, reached) = ([Bool](repeating: false, count: states.count), places, [Int]())
        while let place = open.popLast() {
            if seen[place] { continue }
            seen[place] = true
            if case .fork(let a, let b) = states[place] { open += [a, b] } else { reached.append(place) }
        }
        return reached
    }

    private struct Parser {
        private let text: [Unicode.Scalar]
        private var place = 0

        init(_ text: [Unicode.Scalar]) { self.text = text }

        var isAtEnd: Bool { place == text.count }
        private var next: Unicode.Scalar? { place < text.count ? text[place] : nil }

        private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard next == scalar else { return false }
            place += 1
            return true
        }

        mutating func choice(depth: Int) throws -> Node {
            guard depth < SitePattern.deepest else {
                throw Problem(description: "its groups are nested more than \(SitePattern.deepest) deep")
            }
            var nodes = [try sequence(depth: depth)]
            while take("|") { nodes.append(try sequence(depth: depth)) }
            return nodes.count == 1 ? nodes[0] : .choice(nodes)
        }

        private mutating func sequence(depth: Int) throws -> Node {
            var nodes: [Node] = []
            while let scalar = next, scalar != "|", scalar != ")" {
                let node = try element(depth: depth)
                nodes.append(try repeated(node))
            }
            return nodes.isEmpty ? .empty : .sequence(nodes)
        }

        private mutating func element(depth: Int) throws -> Node {
            let scalar = text[place]
            place += 1
            switch scalar {
            case "(":
                // A group is a group: nothing is taken out of names.
                if take("?"), !take(":") {
                    throw Problem(description: "'(?' is followed by something other than ':', and it looks neither ahead nor back")
                }
                let node = try choice(depth: depth + 1)
                guard take(")") else { throw Problem(description: "a '(' has no ')' behind it") }
                return node
            case ".": return .character(.any)
            case "[": return .character(try set())
            case "\\": return .character(try escape())
            case "^" where place == 1: return .empty
            case "$" where isAtEnd: return .empty
            case "^", "$": throw Problem(description: "'\(scalar)' stands in the middle; a name is matched as a whole anyway")
            case "*", "+", "?", "{": throw Problem(description: "'\(scalar)' has nothing before it to repeat")
            default: return .character(CharacterSet(ranges: [scalar...scalar]))
            }
        }

        private mutating func repeated(_ node: Node) throws -> Node {
            let (least, most): (Int, Int?)
            if take("*") {
                (least, most) = (0, nil)
            } else if take("+") {
                (least, most) = (1, nil)
            } else if take("?") {
                (least, most) = (0, 1)
            } else if take("{") {
                let first = try number()
                if take(",") {
                    let second = next == "}" ? nil : try number()
                    (least, most) = (first, second)
                } else {
                    (least, most) = (first, first)
                }
                guard take("}"), most.map({ $0 >= least }) ?? true else {
                    throw Problem(description: "'{' is not followed by 'm}', 'm,}' or 'm,n}'")
                }
            } else {
                return node
            }
            // What is taken first makes no difference to whether the whole matches.
            _ = take("?")
            if let next, "*+?{".unicodeScalars.contains(next) {
                throw Problem(description: "'\(next)' repeats what is repeated already; use a group")
            }
            return .many(node, least, most)
        }

        private mutating func number() throws -> Int {
            var value: Int?
            while let scalar = next, let digit = Int(String(scalar)), (value ?? 0) < 1000 {
                value = (value ?? 0) * 10 + digit
                place += 1
            }
            guard let value, value <= 1000 else { throw Problem(description: "'{' is not followed by a number up to 1000") }
            return value
        }

        private mutating func escape() throws -> CharacterSet {
            guard let scalar = next else { throw Problem(description: "it ends with '\\'") }
            place += 1
            func not(_ set: CharacterSet) -> CharacterSet { CharacterSet(ranges: set.ranges, isNegated: true) }
            switch scalar {
            case "d": return .digit
            case "D": return not(.digit)
            case "w": return .word
            case "W": return not(.word)
            case "s": return .space
            case "S": return not(.space)
            default:
                guard !CharacterSet.word.contains(scalar) || scalar == "_" else { throw Problem(description: "'\\\(scalar)' is not known") }
                return CharacterSet(ranges: [scalar...scalar])
            }
        }

        private mutating func set() throws -> CharacterSet {
            var set = CharacterSet()
            set.isNegated = take("^")
            while let scalar = next, scalar != "]" {
                place += 1
                var lower = scalar
                if scalar == "\\" {
                    let own = try escape()
                    guard own.ranges.count == 1, !own.isNegated, own.ranges[0].lowerBound == own.ranges[0].upperBound else {
                        guard !own.isNegated else { throw Problem(description: "a class has the opposite of another in it") }
                        set.ranges += own.ranges
                        continue
                    }
                    lower = own.ranges[0].lowerBound
                }
                if next == "-", place + 1 < text.count, text[place + 1] != "]" {
                    place += 1
                    var upper = text[place]
                    place += 1
                    if upper == "\\" { upper = try escape().ranges[0].lowerBound }
                    guard lower <= upper else { throw Problem(description: "a class has a range whose end is before its beginning") }
                    set.ranges.append(lower...upper)
                } else {
                    set.ranges.append(lower...lower)
                }
            }
            guard take("]") else { throw Problem(description: "a '[' has no ']' behind it") }
            guard !set.ranges.isEmpty else { throw Problem(description: "a '[' has nothing before its ']'") }
            return set
        }
    }
}

extension SitePattern {
    /// The names that some of the patterns of a field match, in the order of the names.
    /// - Throws: A refusal that names the pattern that is none, or that matches nothing.
    static func names(among names: [String], matching patterns: [String], field: String, of whom: String) throws -> [String] {
        var chosen = Set<String>()
        for pattern in patterns {
            let own: SitePattern
            do {
                own = try SitePattern(pattern)
            } catch {
                throw ServerError.field(field, "'\(pattern.prefix(128))' is not a regular expression that is taken here: \(error)")
            }
            let matches = names.filter(own.matches)
            guard !matches.isEmpty else {
                throw ServerError.field(
                    field,
                    "'\(pattern.prefix(128))' matches none of the \(names.count) sites of \(whom) in full, for example \(names.first ?? "")"
                )
            }
            chosen.formUnion(matches)
        }
        return names.filter(chosen.contains)
    }
}
