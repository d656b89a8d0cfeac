import CPUBackend
import CrossCheck
import Models
import Monge
import Tensors

/// A whole model on a device against the plain CPU reference: every site of one pass, with bounds that grow along the model.
///
/// What rounding does to a site depends on all that comes before it. It is measured, not guessed: the same pass runs on the CPU with the result of
/// every operation moved by as much as rounding may (``JitteringBackend``), and σ is what a site moves by. To first order a site's error is a sum
/// Σ cᵢ·εᵢ over all roundings before it; σ² = Σ cᵢ² of unit errors bounds it by Hoeffding's inequality (``SiteComparison``).
package struct ModelCheck {
    /// In the order of the pass.
    package let comparisons: [SiteComparison]

    /// The first site, in the order of the pass, that is further from the reference than rounding explains.
    package var firstDeparture: SiteComparison? { comparisons.first(where: \.departs) }

    /// How often everything is moved. Four already give σ of a row of 64 channels to 5 %.
    private static let passes = 4

    /// - Parameters:
    ///   - candidate: Where the model is checked.
    ///   - chosen: Patterns that match names of sites in full; nil for all. What the model gives at the end is always checked.
    ///   - load: The model on a backend, with the same types of activations and weights on each.
    ///   - progress: Told what runs.
    package init(
        on candidate: any Backend, sites chosen: [String]?, seed: UInt64 = 1, progress: (String) -> Void = { _ in },
        load: (any Backend) throws -> CheckedModel
    ) throws {
        var indices: [Int] = []
        func activations(_ activity: String, on backend: any Backend) throws -> [CheckedModel.Activation] {
            progress(activity)
            let model = try load(backend)
            indices = try Self.indices(chosen, of: model.sites)
            return try model.activations(of: indices)
        }
        let found = try activations("on the device", on: candidate)
        let exact = try activations("on the reference", on: ReferenceBackend())
        guard found.map(\.name) == exact.map(\.name), found.map(\.values.count) == exact.map(\.values.count) else {
            throw MongeError.failed("the model visits other sites on the device than on the reference")
        }
        let jittering = JitteringBackend(
            try CPUBackend(), seed: seed, singles: candidate.matrixInputs,
            rounds: { candidate.roundsActivations(rows: $0, channels: $1, weight: $2) })
        progress("with rounding errors")
        let model = try load(jittering)
        let steady = try model.activations(of: indices)
        var squares = steady.map { [Float](repeating: 0, count: $0.values.count) }
        jittering.isJittering = true
        for _ in 0..<Self.passes {
            for (site, moved) in try model.activations(of: indices).enumerated() {
                for index in moved.values.indices {
                    let difference = moved.values[index] - steady[site].values[index]
                    squares[site][index] += difference * difference
                }
            }
        }
        comparisons = found.indices.map {
            SiteComparison(found[$0], reference: exact[$0], squares: squares[$0], passes: Self.passes)
        }
    }

    private static func indices(_ patterns: [String]?, of sites: [Site]) throws -> [Int] {
        guard let patterns else { return sites.map(\.index) }
        return try SiteSelection.sites(among: sites, matching: patterns).map(\.index)
    }
}
