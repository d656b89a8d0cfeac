/// Something that is measured of a model under maps, in parts each of which is kept when it is done.
public protocol EvaluationMeasure {
    /// Names its records: `mmlu`.
    var name: String { get }
    /// What its results depend on.
    var settings: [EvaluationFile.Setting] { get }
    /// Its parts, with how much there is to do in each.
    var parts: [(name: String, count: Int)] { get }
    /// What is counted: "questions".
    var unit: String { get }

    /// Measures a part.
    /// - Parameters:
    ///   - record: Receives what was found.
    ///   - progress: Told how much of the part is done.
    func measure(
        _ part: Int, _ variant: EvaluationVariant, on model: Model, into record: inout EvaluationRecord,
        progress: @escaping (Int) throws -> Void)
        throws

    /// What follows from the records of all parts.
    /// - Parameter reference: Those of the model as it is.
    func metrics(_ records: [EvaluationRecord], reference: [EvaluationRecord]) throws -> [EvaluationMetric]

    /// A few texts to be read beside the numbers.
    func examples(_ records: [EvaluationRecord]) -> [EvaluationExample]
}

extension EvaluationMeasure {
    public func examples(_ records: [EvaluationRecord]) -> [EvaluationExample] { [] }
}
