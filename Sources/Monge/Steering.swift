import Models
import Tensors
import Transport

/// A map at a strength, for one request.
public struct Steer: Sendable, Equatable {
    public var map: TransportMap
    /// λ: 0 leaves the model as it is, 1 is the fitted transport; any real number is taken.
    public var strength: Float

    public init(_ map: TransportMap, strength: Float = 1) {
        self.map = map
        self.strength = strength
    }
}

extension TransportMap {
    /// This map at a strength.
    public func at(_ strength: Float) -> Steer { Steer(self, strength: strength) }
}

/// The maps of a batch of requests on the device: one table a site with every distinct map as a row.
package final class InstalledSteering {
    private let model: any LanguageModel
    private let maps: [TransportMap]
    /// By site index: `[1 + maps, channels, 4]`, row 0 the identity.
    private let tables: [Tensor?]
    /// Device arrays of the last call, with what they hold: decode steps repeat it.
    private var remembered: (key: [RowPlan], transports: [[TransportApplication]])?

    /// Which maps act on a stretch of rows of one sequence, in order.
    struct RowPlan: Equatable {
        var rows: Int
        /// (row of the table, λ, whether only the last row is steered).
        var maps: [Entry]

        struct Entry: Equatable {
            var index: Int32
            var strength: Float
            var lastOnly: Bool
        }
    }

    /// - Parameter requests: What each request is steered by.
    /// - Throws: ``MongeError`` when a map was fitted on another model.
    package init(_ requests: [[Steer]], on model: any LanguageModel) throws {
        self.model = model
        var maps = [TransportMap]()
        for steer in requests.joined() where !maps.contains(steer.map) {
            try InstalledSteering.check(steer.map, against: model)
            maps.append(steer.map)
        }
        self.maps = maps
        let bySite = maps.map { map in Dictionary(uniqueKeysWithValues: map.sites.map { ($0.name, $0.map) }) }
        tables = try model.sites.map { site in
            guard bySite.contains(where: { $0[site.name] != nil }) else { return nil }
            let identity = AffineMap.identity(channels: site.channels)
            let rows = [identity] + bySite.map { $0[site.name] ?? identity }
            return try model.backend.upload(rows.flatMap(\.interleaved), [rows.count, site.channels, 4])
        }
    }

    /// Refuses a map that belongs to another model.
    static func check(_ map: TransportMap, against model: any LanguageModel) throws {
        let sites = Dictionary(uniqueKeysWithValues: model.sites.map { ($0.name, $0.channels) })
        for site in map.sites {
            guard let channels = sites[site.name] else {
                throw MongeError.failed(
                    "the map was fitted on a \(map.description.architecture) model with a site \(site.name); "
                        + "this \(model.architecture) model has none: use a map fitted on this model")
            }
            guard channels == site.map.channels else {
                throw MongeError.failed(
                    "the map has \(site.map.channels) neurons at \(site.name), this model has \(channels): use a map fitted on this model")
            }
        }
        guard map.description.fingerprint == model.fingerprint else {
            throw MongeError.failed(
                "the map was fitted on another model (fingerprint \(map.description.fingerprint), this one is \(model.fingerprint)): "
                    + "use a map fitted on this model")
        }
    }

    /// The transports of every site, by site index, for a batch whose sequences have the given numbers of rows.
    package func transports(for batch: [(rows: Int, steering: [Steer])]) throws -> [[TransportApplication]] {
        guard !maps.isEmpty else { return [] }
        let plans = batch.map { sequence in
            RowPlan(
                rows: sequence.rows,
                maps: sequence.steering.map { steer in
                    RowPlan.Entry(
                        index: Int32(maps.firstIndex(of: steer.map)! + 1), strength: steer.strength,
                        lastOnly: steer.map.description.position == .last)
                })
        }
        if let remembered, remembered.key == plans { return remembered.transports }
        let depth = plans.map(\.maps.count).max() ?? 0
        let selections = try (0..<depth).map { try selection(at: $0, plans) }
        let transports = tables.map { table in
            guard let table else { return [TransportApplication]() }
            return selections.map { TransportApplication(table: table, indices: $0.indices, strengths: $0.strengths) }
        }
        remembered = (plans, transports)
        return transports
    }

    /// The index and strength of each row for the maps at one place of the order; one element when all rows agree.
    private func selection(at depth: Int, _ plans: [RowPlan]) throws -> (indices: Tensor, strengths: Tensor) {
        var indices = [Int32](), strengths = [Float]()
        for plan in plans {
            let entry = depth < plan.maps.count ? plan.maps[depth] : RowPlan.Entry(index: 0, strength: 0, lastOnly: false)
            for row in 0..<plan.rows {
                let acts = !entry.lastOnly || row == plan.rows - 1
                indices.append(acts ? entry.index : 0)
                strengths.append(acts ? entry.strength : 0)
            }
        }
        if let first = indices.first, indices.allSatisfy({ $0 == first }), strengths.allSatisfy({ $0 == strengths[0] }) {
            indices = [first]
            strengths = [strengths[0]]
        }
        return (try model.backend.upload(indices), try model.backend.upload(strengths))
    }
}
