import FileSystem
import Foundation
import ModelFiles

/// A judge that is a program: it reads a line of JSON a text from standard input, `{"id": 0, "text": "…"}`, and prints one for each to standard output,
/// `{"id": 0, "score": 0.93}`, with a score from 0 to 1, in any order. It is started for some hundreds of texts at a time, and ends at the end of its input.
public struct TextCommandJudge: TextJudge {
    public let name: String
    private let command: String
    /// The seconds without a sign of life after which it is given up.
    private let patience: Double

    /// - Parameter command: As a shell takes it.
    public init(_ command: String, name: String, patience: Double = 300) {
        self.command = command
        self.name = name
        self.patience = patience
    }

    public var identity: String { "command \(command)" }

    private struct Question: Encodable {
        var id: Int
        var text: String
    }

    public func judge(_ texts: [String], each: ([Double]) throws -> Void) throws {
        guard !texts.isEmpty else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let input = try texts.enumerated().map { try encoder.encode(Question(id: $0, text: $1)) + [UInt8(ascii: "\n")] }
        var answers = Answers(count: texts.count, command: command)
        let conclusion = try ShellProcess.converse(with: command, input: input.flatMap { $0 }, patience: patience) { bytes in
            try answers.take(bytes, each)
        }
        try answers.finish(each)
        switch conclusion {
        case .silent:
            throw MongeError.failed(
                "the judge '\(command)' said nothing for \(String(format: "%g", patience)) seconds after \(answers.given) of \(texts.count) "
                    + "scores, and was ended; --judge-timeout waits longer")
        case .ended(.exited(0)): break
        case .ended(let end):
            throw MongeError.failed("the judge '\(command)' \(end) after \(answers.given) of \(texts.count) scores; what it says is above")
        }
        guard answers.given == texts.count else {
            throw MongeError.failed("the judge '\(command)' gives \(answers.given) scores for \(texts.count) texts and ends")
        }
    }

    /// Lines as they come, and the scores in them, handed on in the order of the texts.
    struct Answers {
        private let command: String
        private var scores: [Double?]
        private var rest: [UInt8] = []
        private var line = 0
        /// How many scores were handed on.
        private(set) var given = 0

        /// More than a line of an answer has.
        private static let longestLine = 1 << 20

        init(count: Int, command: String) {
            scores = [Double?](repeating: nil, count: count)
            self.command = command
        }

        mutating func take(_ bytes: UnsafeRawBufferPointer, _ each: ([Double]) throws -> Void) throws {
            rest += bytes
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try read(rest[start..<end])
                start = end + 1
            }
            rest.removeFirst(start)
            guard rest.count <= Self.longestLine else {
                throw MongeError.failed(
                    "the judge '\(command)' prints a line of more than \(Self.longestLine >> 20) MiB, which is no score")
            }
            try hand(each)
        }

        mutating func finish(_ each: ([Double]) throws -> Void) throws {
            if !rest.isEmpty { try read(rest[...]) }
            rest = []
            try hand(each)
        }

        private mutating func hand(_ each: ([Double]) throws -> Void) throws {
            let next = scores[given...].prefix { $0 != nil }.map { $0! }
            guard !next.isEmpty else { return }
            given += next.count
            try each(next)
        }

        private mutating func read(_ bytes: ArraySlice<UInt8>) throws {
            line += 1
            guard bytes.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { return }
            func wrong(_ what: String) -> MongeError {
                .failed("line \(line) of the judge '\(command)' \(what): '\(String(decoding: bytes, as: UTF8.self).beginning)'")
            }
            guard let value = try? JSONParser.parse(MappedFile(contents: Array(bytes), name: "line \(line)")) else {
                throw wrong("is not JSON")
            }
            guard let id = value["id"]?.integer else { throw wrong("has no number of a text under 'id'") }
            guard scores.indices.contains(id) else { throw wrong("is about text \(id), and there are texts 0 to \(scores.count - 1)") }
            guard scores[id] == nil else { throw wrong("is a second one about text \(id)") }
            guard let score = value["score"]?.double else { throw wrong("has no number under 'score'") }
            guard (0...1).contains(score) else { throw wrong("has a score of \(score), which is not from 0 to 1") }
            scores[id] = score
        }
    }
}
