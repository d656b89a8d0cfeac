import ArgumentParser
import Foundation
import Monge

/// `monge chat`: a conversation with a model, steered or not.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talks with a model in its chat layout, steered by maps.",
        discussion: """
            Each line is a message; replies appear as they are made. In the conversation:

            \(ChatRequest.commands)

            Without a terminal the lines of standard input are the messages, and the first error ends the program.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var steering: SteerOptions

    @Option(name: .long, help: ArgumentHelp("What the model is told before all else.", valueName: "text"))
    var system: String?

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional, help: "The most tokens of a reply.", transform: Number.integer(from: 1))
    var tokens = 512

    @OptionGroup var sampling: SamplingOptions

    mutating func run() throws {
        let steers = try steering.steering()
        let conversation = try Conversation(
            with: model.load(unlessAsked: .fast), system: system, steering: steers, options: sampling.options(tokens: tokens))
        let reader = LineReader()
        if reader.isInteractive {
            Interruption.begin()
            Terminal.message("/help lists the commands, Ctrl-D ends.")
        }
        while true {
            switch reader.next(prompt: "> ") {
            case .end:
                if reader.isInteractive { try Output.text("\n") }
                return
            case .interrupted: try Output.text("\n")
            case .text(let line):
                guard !line.allSatisfy(\.isWhitespace) else { continue }
                do {
                    guard try answer(ChatRequest(line), in: conversation) else { return }
                } catch  where reader.isInteractive {
                    // A person can mend what was wrong.
                    Terminal.message("monge: \(error)")
                }
            }
        }
    }

    /// Does what a line asks for; false ends the conversation.
    private func answer(_ request: ChatRequest, in conversation: Conversation) throws -> Bool {
        switch request {
        case .message(let text): try reply(to: text, in: conversation)
        case .steer(let strength):
            guard !conversation.steering.isEmpty else {
                throw MongeError.usage("there is no map to steer with; begin with --steer FILE")
            }
            conversation.steering = conversation.steering.map { Steer($0.map, strength: strength) }
        case .strengths(let strengths):
            for (strength, generation) in zip(strengths, try conversation.replies(at: strengths)) {
                try Output.text("── λ = \(String(format: "%g", strength)) ──\n\(generation.text)\n\n")
            }
        case .system(let text):
            conversation.system = text.isEmpty ? nil : text
            conversation.reset()
        case .reset: conversation.reset()
        case .help: try Output.text(ChatRequest.commands + "\n")
        case .quit: return false
        }
        return true
    }

    private func reply(to text: String, in conversation: Conversation) throws {
        var failure: (any Error)?
        let generation = try conversation.send(text) { part in
            do { try Output.text(part) } catch { failure = error }
            return failure == nil && !Interruption.isPending
        }
        if let failure { throw failure }
        try Output.text("\n")
        if generation.metConditions.contains(false) {
            Terminal.message("(the conversation does not meet a map's condition: that map did not act)")
        }
    }
}
