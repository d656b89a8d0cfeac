import Foundations
import ModelFiles
import Transport

/// Maps that act together, and the strengths at which they are compared.
public struct EvaluationSeries: Sendable {
    /// What tables call it, unlike all others.
    public var name: String
    /// The maps; two sets where questions of either fold have maps of their own.
    public var folds: [[TransportMap]]
    /// Ascending, without 0: the model as it is belongs to all.
    public var strengths: [Float]
    /// Tells these maps from others in a file of results.
    public let identity: String

    /// - Parameter identity: A hash of the maps' files.
    public init(name: String, folds: [[TransportMap]], strengths: [Float], identity: String) {
        precondition((1...2).contains(folds.count), "one set of maps, or one for each of two folds")
        self.name = name
        self.folds = folds
        self.strengths = Set(strengths).subtracting([0]).sorted()
        self.identity = identity
    }
}

/// A series at a strength, or the model as it is.
public struct EvaluationVariant: Sendable {
    /// Nil for the model as it is.
    public var series: EvaluationSeries?
    public var strength: Float

    /// The maps in place for a question of a fold.
    public func steering(fold: Int = 0) -> [Steer] {
        guard let series else { return [] }
        return series.folds[series.folds.count == 1 ? 0 : fold].map { $0.at(strength) }
    }

    package init(series: EvaluationSeries?, strength: Float) {
        (self.series, self.strength) = (series, strength)
    }

    /// What tables call it.
    public static let unsteered = "unsteered"

    public var name: String { series?.name ?? Self.unsteered }

    /// The model as it is, then each series at each strength.
    public static func all(_ series: [EvaluationSeries]) -> [EvaluationVariant] {
        [EvaluationVariant(series: nil, strength: 0)]
            + series.flatMap { series in series.strengths.map { EvaluationVariant(series: series, strength: $0) } }
    }
}
