/// How sure exact numbers are of the first token of each position, beside how far rounding may move the differences of logits that decide it.
///
/// To first order, the difference of two logits moves by Σ cᵢ·εᵢ, where εᵢ is the error of the i-th rounding, in units of the largest one, and
/// cᵢ what such an error does to the difference, through all later layers. Taken as independent and of mean zero, as everywhere in this project
/// (CrossCheck's `RoundOff`), Hoeffding's inequality gives P(|Σ cᵢ·εᵢ| > λ·σ) ≤ 2·exp(−λ²/2) with σ² = Σ cᵢ². σ is measured: it is the deviation
/// of the difference when everything is moved by its largest error, up or down at random (`JitteringBackend`; εᵢ = ±1, of variance 1). λ = 8 leaves
/// 10⁻¹³.
///
/// Of every position the largest σ over the whole vocabulary is taken, from a few passes, for whatever token may overtake the first: where the exact
/// margin is above 8σ, rounding has to leave the same first token. Nothing is said of the rest.
struct LogitMargins {
    struct Position {
        let top: Int
        let margin: Float
        /// 8σ.
        let bound: Float
    }

    private static let lambda: Float = 8
    let positions: [Position]
    private let width: Int

    /// - Parameters:
    ///   - expected: The exact logits of all positions.
    ///   - steady: What `moved` moves: those of the same computation without errors.
    ///   - width: The tokens of the vocabulary.
    ///   - variance: Of εᵢ. Hoeffding's inequality allows for 1, whatever the distribution; uniform errors are sub-Gaussian with their own variance,
    ///     ⅓.
    ///   - moved: The logits with errors, other ones at each call.
    init(expected: [Float], steady: [Float], width: Int, passes: Int, variance: Float = 1, moved: () throws -> [Float]) rethrows {
        self.width = width
        let rows = stride(from: 0, to: expected.count, by: width).map { $0..<$0 + width }
        let tops = rows.map { row in row.max { expected[$0] < expected[$1] }! }
        // Σ over the passes of the square of what each difference moved by.
        var squares = [Float](repeating: 0, count: steady.count)
        for _ in 0..<passes {
            let moved = try moved()
            for (row, top) in zip(rows, tops) {
                let own = moved[top] - steady[top]
                for token in row {
                    let difference = own - (moved[token] - steady[token])
                    squares[token] += difference * difference
                }
            }
        }
        positions = zip(rows, tops).map { row, top in
            let second = row.lazy.filter { $0 != top }.map { expected[$0] }.max()!
            let deviation = (variance * squares[row].max()! / Float(passes)).squareRoot()
            return Position(top: top - row.lowerBound, margin: expected[top] - second, bound: Self.lambda * deviation)
        }
    }

    /// What rounded logits come to beside these, summed up over texts.
    struct Agreement: CustomStringConvertible {
        private(set) var all = 0
        /// Positions whose margin is above the bound, and those among them with another first token.
        private(set) var bounded = 0
        private(set) var wrong = 0
        private var agreeing = 0
        private var bounds: [Float] = []

        mutating func add(_ logits: [Float], to margins: LogitMargins) {
            for (index, position) in margins.positions.enumerated() {
                let row = index * margins.width..<(index + 1) * margins.width
                let isSame = row.max { logits[$0] < logits[$1] }! - row.lowerBound == position.top
                all += 1
                agreeing += isSame ? 1 : 0
                bounds.append(position.bound)
                guard position.margin > position.bound else { continue }
                bounded += 1
                wrong += isSame ? 0 : 1
            }
        }

        var description: String {
            "\(all) positions, bound \(bounds.sorted()[all / 2]) (median), margin above it at \(bounded), of which \(bounded - wrong) agree; "
                + "of all \(agreeing)"
        }
    }
}
