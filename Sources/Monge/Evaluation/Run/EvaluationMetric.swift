/// A number that was measured, as tables and pages show it.
public struct EvaluationMetric: Sendable, Codable, Equatable {
    /// What a number is.
    public enum Form: String, Sendable, Codable {
        /// From 0 to 1, shown in percent.
        case share
        /// A number as it is.
        case number
        /// The change of another number, relative to the model as it is; shown in percent.
        case change
    }

    /// What a metric is for in a comparison.
    public enum Role: String, Sendable, Codable {
        /// What the maps are for.
        case effect
        /// What they cost: methods are compared at equal costs.
        case cost
        /// What is worth knowing beside.
        case detail
    }

    /// What the metric is called, the same in every row.
    public var name: String
    public var value: Double
    public var form: Form
    public var role: Role
    /// Whether less is better; nil where neither is.
    public var lowerIsBetter: Bool?
    public var interval: ConfidenceInterval?
    /// The paired comparison with the model as it is.
    public var test: PairedTest?
    /// The spread over seeds: the standard deviation of what each gives.
    public var spread: Double?
    /// What else there is to say of it, in a few words.
    public var mark: String?
    /// Whether it stands in the table of a terminal.
    public var isShown: Bool

    public init(
        _ name: String, _ value: Double, _ form: Form, _ role: Role, lowerIsBetter: Bool? = nil, interval: ConfidenceInterval? = nil,
        test: PairedTest? = nil, spread: Double? = nil, isShown: Bool? = nil
    ) {
        self.name = name
        self.value = value
        self.form = form
        self.role = role
        self.lowerIsBetter = lowerIsBetter
        self.interval = interval
        self.test = test
        self.spread = spread
        self.isShown = isShown ?? (role != .detail)
    }
}

/// A text that shows what numbers mean.
public struct EvaluationExample: Sendable, Codable, Equatable {
    /// What was asked or continued; the same in rows that are compared.
    public var prompt: String
    public var text: String

    public init(prompt: String, text: String) {
        self.prompt = prompt
        self.text = text
    }
}

/// A series at a strength, and all that was measured of it.
public struct EvaluationRow: Sendable, Codable, Equatable {
    /// ``EvaluationVariant/unsteered`` for the model as it is.
    public var series: String
    public var strength: Float
    public var metrics: [EvaluationMetric]
    public var examples: [EvaluationExample]
    /// Why something could not be measured at this strength.
    public var error: String?

    public init(
        series: String, strength: Float, metrics: [EvaluationMetric], examples: [EvaluationExample] = [], error: String? = nil
    ) {
        self.series = series
        self.strength = strength
        self.metrics = metrics
        self.examples = examples
        self.error = error
    }

    public subscript(name: String) -> EvaluationMetric? { metrics.first { $0.name == name } }
}
