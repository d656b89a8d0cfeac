import Foundation

/// A NaN or an infinity where a model should give numbers: where it was found, and what brings it about.
public struct NonFiniteNumbers: Sendable, Equatable, CustomStringConvertible {
    /// What was found by running the prompt again.
    public enum Cause: Sendable, Equatable {
        /// Without the maps all numbers are finite.
        case steering
        /// With a key-value cache in f32 all numbers are finite.
        case halfPrecisionCache
        /// It is the same without maps and with keys and values in f32, and activations are f16.
        case halfPrecisionActivations
        /// None of these changes it.
        case model
    }

    /// What is not finite: "logits", "activations".
    public var quantity: String
    /// What the text is called: "prompt 3", "source sentence 12".
    public var name: String
    /// How the text begins.
    public var beginning: String
    /// The λ of each map.
    public var strengths: [Float]
    /// The first site of the forward pass with such an activation; nil when all sites are finite.
    public var site: String?
    public var cause: Cause

    /// - Parameter text: Cut to its first words.
    public init(quantity: String, name: String, text: String, strengths: [Float], site: String?, cause: Cause) {
        self.quantity = quantity
        self.name = name
        beginning = text.beginning
        self.strengths = strengths
        self.site = site
        self.cause = cause
    }

    public var description: String {
        let steered = strengths.isEmpty ? "" : ", λ = " + strengths.map { String(format: "%g", $0) }.joined(separator: ", ")
        let place = site.map { "the first such activation is at \($0)" } ?? "the activations of all sites are finite"
        return "\(name) ('\(beginning)')\(steered): the \(quantity) are not finite numbers; \(place); \(advice)"
    }

    private var advice: String {
        switch cause {
        case .steering: "without the maps all numbers are finite: use a smaller strength, or a map with a support"
        case .halfPrecisionCache:
            "with keys and values in f32 all numbers are finite, f16 ends at 65504: use a key-value cache in f32 (--cache f32)"
        case .halfPrecisionActivations:
            "activations are f16, which ends at 65504: use activations in f32 (--activations f32)"
        case .model:
            "neither maps nor half precision bring it about: the model's file is damaged, or its numbers outgrow f32 with this text"
        }
    }
}
