import Foundation

/// How much of a map's strength a token feels: `g(x) = σ(⟨v, x⟩ + c₀)` of its activation x at the map's site (after DSAS: Ferrando et al., "Dynamically
/// scaled activation steering", 2025, arXiv 2512.03661).
///
/// The gate is near 1 where x looks like the source, so that a token which is already as it should be is left alone: in place of λ the map has the
/// strength λ·g(x). DSAS fits it to the means of sentences, of which there are fewer than neurons, and so within their principal components; here it is
/// fitted to what it is asked of, single tokens.
public struct TokenGate: Sendable, Equatable {
    /// v.
    public var weights: [Float]
    /// c₀.
    public var intercept: Float
    /// The share of held-out tokens of either side that are told apart, the two sides counting alike.
    public var accuracy: Double

    public init(weights: [Float], intercept: Float, accuracy: Double = 1) {
        self.weights = weights
        self.intercept = intercept
        self.accuracy = accuracy
    }

    /// A logistic probe of source against target tokens, fitted to four fifths of them and tried on the rest.
    ///
    /// - Parameters:
    ///   - source: `[n, channels]`, row-major, n at least ``LogisticProbe/minimumSamples``.
    ///   - target: `[m, channels]`, likewise.
    ///   - seed: Of the draw of what is held out.
    public init(source: [Float], target: [Float], channels: Int, seed: UInt64) {
        let (a, b) = (
            Samples(source, width: channels, columns: 0..<channels), Samples(target, width: channels, columns: 0..<channels)
        )
        let (probe, accuracy) = LogisticProbe.heldOut(source: a, target: b, seed: seed)
        // The probe says how likely the target is.
        self.init(weights: probe.weights.map { Float(-$0) }, intercept: Float(-probe.intercept), accuracy: accuracy)
    }

    /// g(x).
    public func callAsFunction(_ x: [Float]) -> Double {
        let score = zip(weights, x).reduce(Double(intercept)) { $0 + Double($1.0) * Double($1.1) }
        return 1 / (1 + exp(-score))
    }

    /// The gate of the map back, 1 − g(x): near 1 where x looks like the target.
    public var inverse: TokenGate { TokenGate(weights: weights.map { -$0 }, intercept: -intercept, accuracy: accuracy) }
}
