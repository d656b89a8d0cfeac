import Models
import Tensors

extension Model {
    /// The first site, in the order of the forward pass, whose activation holds a NaN or an infinity; nil when all are finite.
    ///
    /// The tokens run once, on their own, with every activation read back: this is for finding out why a result is not finite.
    /// - Parameter steering: Maps in place; a steered site's activation is looked at after its maps.
    public func firstNonFiniteSite(tokens: [Int32], steering: [Steer] = []) throws -> Site? {
        guard case .site(let site) = try firstNonFinitePlace(tokens, steering: steering, cache: language.cacheType) else { return nil }
        return site
    }

    /// What an error says of a text whose results are not finite, found by running it again: as it was, with a wider cache, without maps.
    ///
    /// - Parameters:
    ///   - quantity: What is not finite: "logits", "activations".
    ///   - name: What the text is called: "prompt 3", "source sentence 12".
    func nonFiniteNumbers(
        _ quantity: String, name: String, text: String, tokens: [Int32], steering: [Steer]
    ) throws -> NonFiniteNumbers {
        var site: String?
        if case .site(let first) = try firstNonFinitePlace(tokens, steering: steering, cache: language.cacheType) { site = first.name }
        let cause: NonFiniteNumbers.Cause
        if try language.cacheType != .f32 && firstNonFinitePlace(tokens, steering: steering, cache: .f32) == nil {
            cause = .halfPrecisionCache
        } else if try steering.contains(where: { $0.strength != 0 })
            && firstNonFinitePlace(tokens, steering: [], cache: language.cacheType) == nil
        {
            cause = .steering
        } else {
            cause = language.activations == .f16 ? .halfPrecisionActivations : .model
        }
        return NonFiniteNumbers(
            quantity: quantity, name: name, text: text, strengths: steering.map(\.strength), site: site, cause: cause)
    }

    /// Whether all activations and scores of a sequence are finite.
    func isFinite(_ tokens: [Int32], steering: [Steer]) throws -> Bool {
        try firstNonFinitePlace(tokens, steering: steering, cache: language.cacheType) == nil
    }

    private enum Place: Equatable {
        case site(Site)
        /// Nowhere before the scores of the next tokens.
        case logits
    }

    /// Where a forward pass over one sequence first leaves the finite numbers.
    private func firstNonFinitePlace(_ tokens: [Int32], steering: [Steer], cache: DType) throws -> Place? {
        let batch = try TokenBatch([TokenBatch.Sequence(tokens: tokens, slot: 0)], capacity: tokens.count, on: backend)
        let steering = try acting([(tokens, steering)])[0]
        let transports = try InstalledSteering([steering], on: language).transports(for: [(tokens.count, steering)])
        var isFinite = true
        let site = try language.firstNonFiniteSite(transports) { context in
            let hidden = try language.forward(
                batch, cache: cache == language.cacheType ? nil : language.makeCache(slots: 1, capacity: tokens.count, dtype: cache),
                context: context, output: .all)
            for start in stride(from: 0, to: tokens.count, by: Model.logitRows) where isFinite {
                let rows = try hidden.rows(start..<min(start + Model.logitRows, tokens.count))
                isFinite = try backend.readFloats(language.logits(rows)).isFinite
            }
        }
        return site.map(Place.site) ?? (isFinite ? nil : .logits)
    }
}

extension Array where Element == Float {
    /// Whether there is no NaN and no infinity.
    var isFinite: Bool { withUnsafeBufferPointer(\.isFinite) }
}

extension UnsafeBufferPointer where Element == Float {
    /// Whether there is no NaN and no infinity. They are counted rather than searched for, so that the loop runs over whole vectors.
    var isFinite: Bool { reduce(0) { $0 &+ ($1.bitPattern & 0x7f80_0000 == 0x7f80_0000 ? 1 : 0) } == 0 }
}
