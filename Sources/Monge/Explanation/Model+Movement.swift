import Models
import Transport

extension Model {
    /// How far maps move each token of a text: for each map the mean over its sites of ‖y − x‖/‖x‖, where x is the activation that comes to a site with the
    /// map in place at all earlier ones, and y what goes on from it; of several maps the sum, each by itself.
    ///
    /// y − x is proportional to λ, so that a schedule's strengths are those of its tokens. Conditions are taken to be met, and no text is waited for
    /// (``SteeringSchedule/marker``): such a map counts as moving nothing.
    ///
    /// - Parameters:
    ///   - tokens: The text, its prompt first.
    ///   - prompt: How many of them are the prompt's.
    /// - Returns: A number for each token; 0 where no map acts.
    /// - Throws: ``MongeError`` for a map of another model, or a text that is longer than the model's context.
    package func movement(of tokens: [Int32], prompt: Int, steering: [ScheduledSteer]) throws -> [Double] {
        guard tokens.count <= language.contextLength else {
            throw MongeError.contextExceeded("the text has \(tokens.count) tokens; the model's context holds \(language.contextLength)")
        }
        var sums = [Double](repeating: 0, count: tokens.count)
        for scheduled in steering where scheduled.steer.strength != 0 {
            let (steer, isLast) = (scheduled.steer, scheduled.steer.map.description.position == .last)
            try InstalledSteering.check(steer.map, against: language)
            let names = Set(steer.map.sites.map(\.name))
            let calibration = Calibration(model: language, sites: language.sites.filter { names.contains($0.name) }, unit: "sentences")
            let options = FitOptions(method: .mean, capture: CaptureOptions(pooling: .mean, maximumTokens: tokens.count))
            var side = try Calibration.ExplainedSide(
                "text", [tokenizer.decode(tokens)], options: options, seed: 0, model: self, encode: { _ in tokens }, warn: { _ in })
            side.rows = [Array(tokens.indices)]
            let count = Double(steer.map.sites.count)
            try calibration.follow(steer, [side], options: options) { _, _, moved in
                for (position, value) in moved.relative.enumerated() {
                    let factor = isLast && position < prompt - 1 ? 0 : scheduled.schedule.factor(at: position, prompt: prompt)
                    sums[position] += Double(factor) * (value ?? 0) / count
                }
            }
        }
        return sums
    }
}
