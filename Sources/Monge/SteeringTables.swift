import Models
import Tensors
import Transport

/// Maps on the device, while they are used: one table a site, with a row for each map, and one of clusters where maps move between some. A row of either
/// whose map is of the other kind leaves activations alone. A map can be added at any time.
package final class SteeringTables {
    /// A map that steers a row, and how.
    package struct Entry: Equatable {
        /// The row of the tables.
        package var index: Int32
        package var strength: Float
        /// Whether only the last row of a stretch is steered.
        package var lastOnly: Bool
        /// What the map is applied to where there are pixels.
        package var spatial: SpatialMode
        /// Whether the map acts in some requests only, which is to be decided (``ConditionDecisions``).
        package var isConditional: Bool
    }

    private let model: any SteerableModel
    private var maps: [TransportMap] = []
    /// By site index: `[capacity, channels, 4]`, row 0 and those that no map has yet the identity.
    package private(set) var tables: [Tensor?]
    /// By site index: the gates of the same rows; nil where no map has one.
    private var gates: [TransportGates?]
    /// By site index: the clusters of the same rows; nil where no map has some.
    private var clusters: [TransportClusters?]
    private var capacity: Int
    /// Changes when a table is another tensor than before: what was recorded with the old one does not see new maps.
    package private(set) var version = 0

    /// - Parameter capacity: The maps that there is room for at first.
    package init(on model: any SteerableModel, capacity: Int = 1) {
        self.model = model
        self.capacity = max(capacity, 1) + 1
        tables = [Tensor?](repeating: nil, count: model.sites.count)
        gates = [TransportGates?](repeating: nil, count: model.sites.count)
        clusters = [TransportClusters?](repeating: nil, count: model.sites.count)
    }

    package var isEmpty: Bool { maps.isEmpty }

    /// Where a map is, put there if it is new.
    /// - Throws: ``MongeError`` when it was fitted on another model.
    package func index(of map: TransportMap) throws -> Int32 {
        if let known = maps.firstIndex(of: map) { return Int32(known + 1) }
        try InstalledSteering.check(map, against: model)
        if maps.count + 1 == capacity { try grow() }
        let sites = Dictionary(uniqueKeysWithValues: map.sites.map { ($0.name, $0) })
        for site in model.sites {
            guard let own = sites[site.name] else { continue }
            if let map = own.clusters {
                try write(map, at: site)
                continue
            }
            if tables[site.index] == nil { tables[site.index] = try table([], channels: site.channels) }
            let row = try tables[site.index]!.rows(maps.count + 1..<maps.count + 2)
            try model.backend.write(own.map.interleaved, to: row)
            if let gate = own.gate {
                if gates[site.index] == nil { gates[site.index] = try gateTable([], channels: site.channels) }
                let place = maps.count + 1..<maps.count + 2
                try model.backend.write(gate.weights, to: gates[site.index]!.weights.rows(place))
                try model.backend.write([gate.intercept], to: gates[site.index]!.intercepts.rows(place))
            }
        }
        maps.append(map)
        return Int32(maps.count)
    }

    /// Puts the clusters of the next map beside those of the others, which may have fewer.
    private func write(_ map: ClusterMap, at site: Site) throws {
        if clusters[site.index].map({ $0.count < map.count }) ?? true {
            clusters[site.index] = try clusterTable(
                maps.map { own in own.sites.first { $0.name == site.name }?.clusters } + [map], at: site)
            return
        }
        let (table, place) = (clusters[site.index]!, maps.count + 1..<maps.count + 2)
        let rows = map.paddedRows(table.count)
        try model.backend.write(rows.weights, to: table.weights.rows(place))
        try model.backend.write(rows.intercepts, to: table.intercepts.rows(place))
        try model.backend.write(rows.shifts, to: table.shifts.rows(place))
    }

    /// The clusters of some maps, none in the place of what is missing.
    private func clusterTable(_ maps: [ClusterMap?], at site: Site) throws -> TransportClusters {
        version += 1
        let missing = [ClusterMap?](repeating: nil, count: capacity - 1 - maps.count)
        return try TransportClusters(
            [nil] + maps + missing, count: maps.compactMap { $0?.count }.max()!, channels: site.channels, on: model.backend)
    }

    /// The entry of a map at a strength.
    package func entry(_ steer: Steer) throws -> Entry {
        Entry(
            index: try index(of: steer.map), strength: steer.strength, lastOnly: steer.map.description.position == .last,
            spatial: steer.map.description.spatial, isConditional: steer.map.condition != nil)
    }

    /// Tensors that say what steers each of some rows.
    package func rows(_ count: Int, depth: Int) throws -> SteeringRows {
        try SteeringRows(tables: tables, gates: gates, clusters: clusters, rows: count, depth: depth, on: model.backend)
    }

    /// The transports of every site, by site index, for a batch whose sequences (images are sequences of one row) have the given numbers of rows and maps.
    /// - Parameter decisions: In which requests conditional maps act, and the request of each sequence; nil where there are no such maps.
    package func transports(
        for batch: [(rows: Int, maps: [Entry])], decisions: (all: ConditionDecisions, requests: [Int])? = nil
    ) throws -> [[TransportApplication]] {
        guard !isEmpty else { return [] }
        precondition(
            decisions != nil || !batch.contains { $0.maps.contains(where: \.isConditional) },
            "a conditional map acts where that was decided")
        let owners = decisions.map { zip(batch, $0.requests).flatMap { [Int](repeating: $1, count: $0.rows) } } ?? []
        let depth = batch.map(\.maps.count).max() ?? 0
        let selections = try (0..<depth).flatMap { depth in
            let modes = Set(batch.compactMap { depth < $0.maps.count ? $0.maps[depth].spatial : nil })
            let factors = try decisions?.all.factors(at: depth, of: owners)
            return try SpatialMode.allCases.filter(modes.contains).map { try selection(at: depth, $0, batch, factors) }
        }
        return tables.indices.map { site in selections.flatMap { applications($0, at: site) } }
    }

    /// Which maps act on which rows, and how strongly.
    private typealias Selection = (indices: Tensor, strengths: Tensor, spatial: SpatialMode)

    /// The maps of a site, of either kind.
    private func applications(_ selection: Selection, at site: Int) -> [TransportApplication] {
        let (indices, strengths, spatial) = selection
        let affine = tables[site].map { table in
            // Gates are of language models, whose tokens are mapped by themselves in either mode.
            TransportApplication(
                table: table, indices: indices, strengths: strengths, spatial: gates[site] == nil ? spatial : .pointwise, gates: gates[site]
            )
        }
        // What moves between clusters is no map of channel means.
        let clustered =
            spatial == .pointwise
            ? clusters[site].map { TransportApplication(clusters: $0, indices: indices, strengths: strengths) } : nil
        return [affine, clustered].compactMap { $0 }
    }

    /// The index and strength of each row for the maps of one mode at one place of the order; one element when all rows agree.
    /// - Parameter factors: `[rows, 1]`: what strengths are multiplied by; nil for nothing.
    private func selection(
        at depth: Int, _ spatial: SpatialMode, _ batch: [(rows: Int, maps: [Entry])], _ factors: Tensor?
    ) throws -> Selection {
        var indices = [Int32](), strengths = [Float]()
        for sequence in batch {
            let entry = depth < sequence.maps.count && sequence.maps[depth].spatial == spatial ? sequence.maps[depth] : nil
            for row in 0..<sequence.rows {
                let acting = entry.flatMap { !$0.lastOnly || row == sequence.rows - 1 ? $0 : nil }
                indices.append(acting?.index ?? 0)
                strengths.append(acting?.strength ?? 0)
            }
        }
        if let factors {
            let own = try model.backend.upload(strengths, factors.shape)
            let decided = try model.backend.multiply(own, factors, into: own)
            return (try model.backend.upload(indices), try decided.reshaped([indices.count]), spatial)
        }
        if let first = indices.first, indices.allSatisfy({ $0 == first }), strengths.allSatisfy({ $0 == strengths[0] }) {
            indices = [first]
            strengths = [strengths[0]]
        }
        return (try model.backend.upload(indices), try model.backend.upload(strengths), spatial)
    }

    /// Twice the room. The old tables stay as they are for what is under way.
    private func grow() throws {
        capacity *= 2
        let bySite = maps.map { map in Dictionary(uniqueKeysWithValues: map.sites.map { ($0.name, $0) }) }
        for site in model.sites where clusters[site.index] != nil {
            clusters[site.index] = try clusterTable(bySite.map { $0[site.name]?.clusters }, at: site)
        }
        for site in model.sites where tables[site.index] != nil {
            tables[site.index] = try table(bySite.map { $0[site.name]?.map }, channels: site.channels)
            if gates[site.index] != nil { gates[site.index] = try gateTable(bySite.map { $0[site.name]?.gate }, channels: site.channels) }
        }
    }

    /// The gates of some maps, none in the place of what is missing.
    private func gateTable(_ gates: [TokenGate?], channels: Int) throws -> TransportGates {
        version += 1
        var weights = [Float](repeating: 0, count: channels)
        var intercepts = [Float.infinity]
        for gate in gates {
            weights += gate?.weights ?? [Float](repeating: 0, count: channels)
            intercepts.append(gate?.intercept ?? .infinity)
        }
        weights += [Float](repeating: 0, count: capacity * channels - weights.count)
        intercepts += [Float](repeating: .infinity, count: capacity - intercepts.count)
        return TransportGates(
            weights: try model.backend.upload(weights, [capacity, channels]), intercepts: try model.backend.upload(intercepts))
    }

    /// A table of some maps, identities in the place of what is missing.
    private func table(_ maps: [AffineMap?], channels: Int) throws -> Tensor {
        version += 1
        let identity = AffineMap.identity(channels: channels).interleaved
        let rows = [identity] + maps.map { $0?.interleaved ?? identity }
        let missing = [[Float]](repeating: identity, count: capacity - rows.count)
        return try model.backend.upload((rows + missing).flatMap { $0 }, [capacity, channels, 4])
    }
}
