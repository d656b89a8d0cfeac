import Tensors

/// What a run of the cases depends on besides the seed.
struct CheckOptions {
    var matrixInputs = MatrixInputs.single
    var referencePrecision = ProductPrecision.exact
    /// Whether the candidate rounds the activations of a product (``Backend/roundsActivations(rows:channels:weight:)``).
    var rounds: (_ rows: Int, _ channels: Int, _ weight: DType) -> Bool = { _, _, _ in false }
}

/// One operation of the registry: how its cases are made, and how close a kernel must come.
public struct CheckedOperation: Sendable {
    /// The name of the backend's method.
    public let name: String
    /// What it computes, in a sentence.
    public let summary: String
    /// How the tolerance is derived, in a sentence; the code beside each entry has the details.
    public let tolerance: String
    /// The number of cases that cover each type and option several times.
    public let defaultCases: Int
    /// Whether ``ProductPrecision/fast`` lets it round activations.
    var mayRoundActivations = false
    /// Makes case `index` out of the numbers of its own generator.
    let makeCase: @Sendable (_ index: Int, _ generator: inout CheckGenerator, _ options: CheckOptions) -> CheckCase

    /// The precisions of the references that a candidate is held against: its own, and exact products where it rounds activations.
    public func referencePrecisions(for candidate: any Backend) -> [ProductPrecision] {
        guard candidate.precision == .fast else { return [.exact] }
        return mayRoundActivations ? [.fast, .exact] : [.fast]
    }
}

/// One case: what to compute on each backend, and how far the results may lie apart.
struct CheckCase {
    /// The shapes, types and options, for people.
    var shapes: String
    /// Runs the operation and returns what it wrote.
    var compute: (CheckDevice) throws -> [CheckOutput]
    /// The largest error of each element of each f32 output, given the outputs of the reference; 0 asks for the same bits. Integer
    /// outputs must be equal and have no entry that matters.
    var tolerances: (_ reference: CheckDevice, _ outputs: [CheckOutput]) throws -> [[Double]]
    /// What else must hold between the candidate's outputs: a sentence for each thing that does not.
    var properties: ([CheckOutput]) -> [String] = { _ in [] }
}

/// The elements of one output.
package enum CheckOutput {
    case floats([Float])
    case integers([Int32])

    var floats: [Float] {
        guard case .floats(let elements) = self else { preconditionFailure("the output is not f32") }
        return elements
    }
}
