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

/// The maps of a batch of requests on the device.
package final class InstalledSteering {
    private let tables: SteeringTables

    /// - Parameter requests: What each request is steered by.
    /// - Throws: ``MongeError/wrongMap(_:)`` when a map was fitted on another model.
    package init(_ requests: [[Steer]], on model: any SteerableModel) throws {
        tables = SteeringTables(on: model, capacity: requests.map(\.count).reduce(0, +))
        for steer in requests.joined() { _ = try tables.index(of: steer.map) }
    }

    /// The transports of every site, by site index, for a batch whose sequences have the given numbers of rows.
    /// - Parameter decisions: In which requests conditional maps act, and the request of each sequence; nil where there are no such maps.
    package func transports(
        for batch: [(rows: Int, steering: [Steer])], decisions: (all: ConditionDecisions, requests: [Int])? = nil
    ) throws -> [[TransportApplication]] {
        try tables.transports(
            for: batch.map { (rows: $0.rows, maps: try $0.steering.map { try tables.entry($0) }) }, decisions: decisions)
    }

    /// The maps of a request as the device has them.
    package func entries(_ steering: [Steer]) throws -> [SteeringTables.Entry] { try steering.map { try tables.entry($0) } }

    /// ``SteeringTables/rows(_:depth:)``
    package func rows(_ count: Int, depth: Int) throws -> SteeringRows { try tables.rows(count, depth: depth) }

    /// Refuses a map that belongs to another model.
    static func check(_ map: TransportMap, against model: any SteerableModel) throws {
        let sites = Dictionary(uniqueKeysWithValues: model.sites.map { ($0.name, $0.channels) })
        try checkParts(map, against: model)
        for site in map.sites {
            guard let channels = sites[site.name] else {
                throw MongeError.wrongMap(
                    "the map was fitted on a \(map.description.architecture) model with a site \(site.name); "
                        + "this \(model.architecture) model has none: use a map fitted on this model")
            }
            guard channels == site.map.channels else {
                throw MongeError.wrongMap(
                    "the map has \(site.map.channels) neurons at \(site.name), this model has \(channels): use a map fitted on this model")
            }
        }
        guard map.description.fingerprint == model.fingerprint else {
            throw MongeError.wrongMap(
                "the map was fitted on another model (fingerprint \(map.description.fingerprint), this one is \(model.fingerprint)): "
                    + "use a map fitted on this model")
        }
        if let condition = map.condition, sites[condition.site] != condition.channels {
            throw MongeError.wrongMap(
                "the map's condition is of \(condition.channels) neurons at \(condition.site), which this model has not: use a map fitted on this "
                    + "model")
        }
        if let sketch = map.description.sketch, let difference = try model.sketch?.firstDifference(from: sketch) {
            throw MongeError.wrongMap(
                "the map was fitted on another model of the same norms (\(difference)): use a map fitted on this model")
        }
    }

    /// Refuses what only a map of a language model can have.
    private static func checkParts(_ map: TransportMap, against model: any SteerableModel) throws {
        guard !(model is any LanguageModel) else { return }
        if map.condition != nil {
            throw MongeError.usage(
                "the map has a condition, which is asked of a prompt that a language model reads; this \(model.architecture) model draws pictures"
            )
        }
        if map.isGated {
            throw MongeError.usage(
                "the map has gates, which give each token of a text a strength of its own; this \(model.architecture) model draws pictures")
        }
    }
}
