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
        /// What tells the map from all others that have been in the tables: a row that is not needed is given to another map.
        package var identity: Int
        package var strength: Float
        /// Whether only the last row of a stretch is steered.
        package var lastOnly: Bool
        /// What the map is applied to where there are pixels.
        package var spatial: SpatialMode
        /// Whether the map acts in some requests only, which is to be decided (``ConditionDecisions``).
        package var isConditional: Bool
    }

    private let model: any SteerableModel
    /// The map of row i + 1, who it is, and how many requests need it; nil needs for a map that stays.
    private var maps: [(map: TransportMap, identity: Int, needs: Int?)] = []
    private var identities = 0
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

    /// Where a map is, put there if it is new, and to stay.
    /// - Throws: ``MongeError`` when it was fitted on another model.
    package func index(of map: TransportMap) throws -> Int32 {
        let place = try place(of: map)
        maps[place].needs = nil
        return Int32(place + 1)
    }

    /// The entry of a map at a strength; the map stays.
    package func entry(_ steer: Steer) throws -> Entry { entry(steer, at: Int(try index(of: steer.map)) - 1) }

    /// The entry of a map at a strength, for a request that needs the map until it is released.
    package func retain(_ steer: Steer) throws -> Entry {
        let place = try place(of: steer.map)
        if let needs = maps[place].needs { maps[place].needs = needs + 1 }
        return entry(steer, at: place)
    }

    /// A request needs a map no more. When nobody does, its row is for the next map that has none.
    package func release(_ entry: Entry) {
        let place = Int(entry.index) - 1
        precondition(maps[place].identity == entry.identity, "a map that is in the tables")
        if let needs = maps[place].needs { maps[place].needs = needs - 1 }
    }

    private func entry(_ steer: Steer, at place: Int) -> Entry {
        Entry(
            index: Int32(place + 1), identity: maps[place].identity, strength: steer.strength,
            lastOnly: steer.map.description.position == .last, spatial: steer.map.description.spatial,
            isConditional: steer.map.condition != nil)
    }

    /// The row of a map, less one. A map that is new takes the place of one that nobody needs, where all rows have a map.
    private func place(of map: TransportMap) throws -> Int {
        if let known = maps.firstIndex(where: { $0.map == map }) { return known }
        try InstalledSteering.check(map, against: model)
        identities += 1
        var place = maps.count
        var old: TransportMap?
        if maps.count + 1 == capacity {
            if let unneeded = maps.firstIndex(where: { $0.needs == 0 }) {
                (place, old) = (unneeded, maps[unneeded].map)
            } else {
                try grow()
            }
        }
        try write(map, to: place + 1, over: old)
        let new = (map: map, identity: identities, needs: Int?.some(0))
        if old == nil { maps.append(new) } else { maps[place] = new }
        return place
    }

    /// Puts a map into a row of the tables of its sites, and what leaves activations alone where the map before acted and this one does not.
    private func write(_ map: TransportMap, to row: Int, over old: TransportMap?) throws {
        func bySite(_ map: TransportMap?) -> [String: TransportMap.Site] {
            Dictionary(uniqueKeysWithValues: (map?.sites ?? []).map { ($0.name, $0) })
        }
        let (new, old) = (bySite(map), bySite(old))
        let (backend, place) = (model.backend, row..<row + 1)
        for site in model.sites {
            let (own, before) = (new[site.name], old[site.name])
            if own?.clusters != nil || before?.clusters != nil { try write(own?.clusters, to: row, at: site) }
            let acts = own.map { $0.clusters == nil } ?? false
            guard acts || before.map({ $0.clusters == nil }) ?? false else { continue }
            if tables[site.index] == nil { tables[site.index] = try table([], channels: site.channels) }
            let affine = acts ? own!.map : .identity(channels: site.channels)
            try backend.write(affine.interleaved, to: tables[site.index]!.rows(place))
            if own?.gate != nil, gates[site.index] == nil { gates[site.index] = try gateTable([], channels: site.channels) }
            if let gates = gates[site.index] {
                try backend.write(own?.gate?.weights ?? [Float](repeating: 0, count: site.channels), to: gates.weights.rows(place))
                try backend.write([own?.gate?.intercept ?? .infinity], to: gates.intercepts.rows(place))
            }
        }
    }

    /// Puts clusters into a row of a site's, beside those of the other maps, which may have fewer; none where there are none.
    private func write(_ map: ClusterMap?, to row: Int, at site: Site) throws {
        let needed = map?.count ?? 0
        if clusters[site.index].map({ $0.count < needed }) ?? (needed > 0) {
            var all = maps.map { own in own.map.sites.first { $0.name == site.name }?.clusters }
            if row > all.count { all.append(map) } else { all[row - 1] = map }
            clusters[site.index] = try clusterTable(all, at: site)
            return
        }
        guard let table = clusters[site.index] else { return }
        let rows = map?.paddedRows(table.count) ?? ClusterMap.missingRows(table.count, channels: site.channels)
        let place = row..<row + 1
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

    /// Tensors that say what steers each of some rows.
    package func rows(_ count: Int, depth: Int) throws -> SteeringRows {
        try SteeringRows(tables: tables, gates: gates, clusters: clusters, version: version, rows: count, depth: depth, on: model.backend)
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
        let bySite = maps.map { entry in Dictionary(uniqueKeysWithValues: entry.map.sites.map { ($0.name, $0) }) }
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
