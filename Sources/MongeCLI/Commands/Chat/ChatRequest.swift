import Foundation
import Monge

/// A line that was typed in a conversation.
package enum ChatRequest: Equatable {
    case message(String)
    case steer(Float)
    case strengths([Float])
    case system(String)
    case reset
    case help
    case quit

    static let commands = """
        /steer λ          steer what follows by this strength
        /strengths λ,…    the reply to the last message at several strengths
        /system TEXT      another system message, and a new conversation; without TEXT none
        /reset            a new conversation
        /help             this
        /quit             the end, as Ctrl-D; Ctrl-C ends a reply
        A message that begins with a slash is written with two.
        """

    /// - Throws: ``MongeError/usage(_:)`` for a command that is none, or lacks its number.
    package init(_ line: String) throws {
        guard line.hasPrefix("/"), !line.hasPrefix("//") else {
            self = .message(line.hasPrefix("//") ? String(line.dropFirst()) : line)
            return
        }
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        let argument = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        switch parts[0] {
        case "/steer":
            let values = try ChatRequest.numbers(argument, of: parts[0])
            guard values.count == 1 else { throw MongeError.usage("/steer takes one strength, for example /steer 0.5") }
            self = .steer(values[0])
        case "/strengths": self = .strengths(try ChatRequest.numbers(argument, of: parts[0]))
        case "/system": self = .system(argument)
        case "/reset", "/help", "/quit":
            guard argument.isEmpty else { throw MongeError.usage("\(parts[0]) takes nothing after it") }
            self = parts[0] == "/reset" ? .reset : parts[0] == "/help" ? .help : .quit
        default: throw MongeError.usage("there is no command \(parts[0]); /help lists them")
        }
    }

    private static func numbers(_ text: String, of command: String) throws -> [Float] {
        let parts = text.split { $0 == "," || $0 == " " }
        let values = parts.compactMap { Float($0) }.filter(\.isFinite)
        guard !values.isEmpty, values.count == parts.count else {
            throw MongeError.usage("\(command) takes numbers, for example \(command) \(command == "/steer" ? "0.5" : "0,0.5,1")")
        }
        return values
    }
}
