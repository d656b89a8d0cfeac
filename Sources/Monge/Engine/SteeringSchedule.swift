import Foundation
import Transport

/// On which tokens of a request a map acts, and how strongly.
public struct SteeringSchedule: Sendable, Equatable {
    /// Which tokens.
    public enum Scope: String, Sendable, CaseIterable {
        /// The prompt's and the generated ones.
        case all
        case prompt
        /// The prompt's last token, from which the first new one is chosen, and the generated ones.
        case generation
    }

    /// How the strength changes over the generated tokens; those of the prompt have the whole of it.
    public enum Course: Sendable, Equatable {
        case constant
        /// From 1/n at the first token to the whole at the n-th.
        case ramp(tokens: Int)
        /// Half as much after each n tokens.
        case decay(halfLife: Int)
    }

    public var scope: Scope
    /// Of the generated tokens only these, counted from 0; nil for all.
    public var tokens: Range<Int>?
    public var course: Course
    /// A text that the model has to write before the map acts, such as the end of its reasoning; nil for none. Tokens are then counted from behind it,
    /// and none before it is steered.
    public var marker: String?

    public init(scope: Scope = .all, tokens: Range<Int>? = nil, course: Course = .constant, marker: String? = nil) {
        self.scope = scope
        self.tokens = tokens
        self.course = course
        self.marker = marker
    }

    /// Everywhere, the same.
    public static let always = SteeringSchedule()

    /// - Throws: ``MongeError/usage(_:)`` for numbers of tokens that are none.
    func validate() throws {
        if let tokens, tokens.lowerBound < 0 || tokens.isEmpty {
            throw MongeError.usage("a map is to act on generated tokens \(tokens.lowerBound) ..< \(tokens.upperBound), which are none")
        }
        if let marker {
            guard !marker.isEmpty else { throw MongeError.usage("a map is to act behind a text that is empty") }
            guard scope != .prompt else {
                throw MongeError.usage("a map is to act on the prompt, and behind '\(marker)', which the model writes after it")
            }
        }
        switch course {
        case .constant: break
        case .ramp(let tokens), .decay(halfLife: let tokens):
            guard tokens > 0 else { throw MongeError.usage("a strength is to change over \(tokens) tokens, expected 1 or more") }
        }
    }

    /// What the strength is multiplied by at a position.
    /// - Parameters:
    ///   - position: That of the token that is read.
    ///   - prompt: The tokens of the prompt. The token at `prompt − 1` is its last, which chooses generated token 0.
    ///   - marked: The position of the last token of the marker; nil while it was not written, or where there is none.
    func factor(at position: Int, prompt: Int, marked: Int? = nil) -> Float {
        if marker != nil {
            guard let marked, position >= marked else { return 0 }
            var behind = self
            (behind.marker, behind.scope) = (nil, .generation)
            return behind.factor(at: position, prompt: marked + 1)
        }
        let generated = position - (prompt - 1)
        guard generated >= 0 else { return scope == .generation ? 0 : 1 }
        // The prompt's last token belongs to both: it is read with the prompt, and chooses the first new one.
        if scope == .prompt { return generated == 0 ? 1 : 0 }
        if let tokens, !tokens.contains(generated) { return scope == .all && generated == 0 ? 1 : 0 }
        let count = Float(generated - (tokens?.lowerBound ?? 0))
        switch course {
        case .constant: return 1
        case .ramp(let tokens): return min(1, (count + 1) / Float(tokens))
        case .decay(let halfLife): return exp2(-count / Float(halfLife))
        }
    }
}
