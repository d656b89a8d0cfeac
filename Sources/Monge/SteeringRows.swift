import Models
import Tensors

/// Which maps steer each row of a batch that stays the same, in tensors that are written in place: a recorded step sees other maps and
/// strengths without being recorded anew.
package final class SteeringRows {
    /// By site index; empty when there are no maps.
    package let transports: [[TransportApplication]]
    private let backend: any Backend
    package let rows: Int
    /// That of the tables when these were made.
    package let version: Int
    /// For each place in the order of the maps: the index of each row, and its strength.
    private let places: [(indices: Tensor, strengths: Tensor)]
    private var written: [[SteeringTables.Entry]]?

    /// - Parameters:
    ///   - tables: Of each site, by its index; nil where no map acts.
    ///   - gates: Likewise; nil where no map has one.
    ///   - clusters: Likewise; nil where no map moves between some.
    ///   - depth: The most maps that steer a row, one after the other.
    init(
        tables: [Tensor?], gates: [TransportGates?], clusters: [TransportClusters?], version: Int, rows: Int, depth: Int,
        on backend: any Backend
    ) throws {
        self.backend = backend
        self.rows = rows
        self.version = version
        let places = try (0..<depth).map { _ in
            (
                indices: try backend.upload([Int32](repeating: 0, count: rows)),
                strengths: try backend.upload([Float](repeating: 0, count: rows))
            )
        }
        self.places = places
        transports =
            depth == 0 || (tables.allSatisfy { $0 == nil } && clusters.allSatisfy { $0 == nil })
            ? []
            : tables.indices.map { site in
                places.flatMap { place in
                    let affine = tables[site].map {
                        TransportApplication(table: $0, indices: place.indices, strengths: place.strengths, gates: gates[site])
                    }
                    let clustered = clusters[site].map {
                        TransportApplication(clusters: $0, indices: place.indices, strengths: place.strengths)
                    }
                    return [affine, clustered].compactMap { $0 }
                }
            }
    }

    /// The most maps that steer a row.
    package var depth: Int { places.count }

    /// Says what steers each row from now on.
    /// - Parameters:
    ///   - plans: For each row its maps in order, no more than the depth.
    ///   - decisions: In which requests conditional maps act, and the request of each row; nil where there are no such maps.
    package func write(_ plans: [[SteeringTables.Entry]], decisions: (all: ConditionDecisions, requests: [Int])? = nil) throws {
        precondition(plans.count == rows && plans.allSatisfy { $0.count <= places.count }, "a plan for each row")
        precondition(
            decisions != nil || !plans.contains { $0.contains(where: \.isConditional) }, "a conditional map acts where that was decided")
        if written == plans, decisions == nil { return }
        for (depth, place) in places.enumerated() {
            try backend.write(plans.map { depth < $0.count ? $0[depth].index : 0 }, to: place.indices)
            try backend.write(plans.map { depth < $0.count ? $0[depth].strength : 0 }, to: place.strengths)
            if let decisions, let factors = try decisions.all.factors(at: depth, of: decisions.requests) {
                let strengths = try place.strengths.reshaped(factors.shape)
                _ = try backend.multiply(strengths, factors, into: strengths)
            }
        }
        written = plans
    }
}
