import Transport

extension Model {
    /// Searches the sites, the method, the support and the strengths of a map that moves the model from source to target sentences, so that
    /// continuations are judged as wanted at no more than a given cost.
    ///
    /// - Parameters:
    ///   - judge: Says of continuations whether what is wanted is in them.
    ///   - prompts: What is continued; half of them are kept for the comparison at the end.
    ///   - plain: Sentences whose perplexity is the cost; half of them likewise.
    ///   - mmlu: The share of right answers under maps, where the options have a budget for it.
    ///   - notice: Receives a sentence for each round.
    /// - Returns: A map whose strength 1 is the answer, and all that was tried.
    /// - Throws: ``MongeError`` for data that nothing can be fitted to, or when no candidate stays within the budget.
    public func tune(
        source: [String], target: [String], judge: any TextJudge, prompts: [String], plain: [String],
        options: TuningOptions = TuningOptions(),
        mmlu: (([Steer]) throws -> Double)? = nil, progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in },
        notice: (String) -> Void = { _ in }
    ) throws -> TunedMap {
        try options.validate()
        return try Tuner(self, judge: judge, prompts: prompts, plain: plain, options: options, mmlu: mmlu, progress: progress)
            .run(source: source, target: target, notice: notice, warn: warn)
    }
}
