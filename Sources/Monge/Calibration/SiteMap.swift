import Tensors
import Transport

/// A site's map on the device, in row 1 of its tables: row 0 leaves what it is asked of alone.
enum SiteMap {
    /// `[2, channels, 4]`, and how much of it each token feels; nil for all of it.
    case affine(Tensor, TransportGates? = nil)
    case clusters(TransportClusters)

    init(_ site: TransportMap.Site, on backend: any Backend) throws {
        if let clusters = site.clusters {
            let none = [ClusterMap?.none]
            self = .clusters(try TransportClusters(none + [clusters], count: clusters.count, channels: clusters.channels, on: backend))
        } else {
            self = try .affine(site.map, gate: site.gate, on: backend)
        }
    }

    static func affine(_ map: AffineMap, gate: TokenGate? = nil, on backend: any Backend) throws -> SiteMap {
        let channels = map.channels
        let gates = try gate.map {
            TransportGates(
                weights: try backend.upload([Float](repeating: 0, count: channels) + $0.weights, [2, channels]),
                intercepts: try backend.upload([.infinity, $0.intercept]))
        }
        return .affine(try backend.upload(AffineMap.identity(channels: channels).interleaved + map.interleaved, [2, channels, 4]), gates)
    }
}

extension TransportClusters {
    /// The clusters of some maps, none in the place of what is missing.
    /// - Parameter count: K, at least that of every map.
    convenience init(_ maps: [ClusterMap?], count: Int, channels: Int, on backend: any Backend) throws {
        var (weights, intercepts, shifts) = ([Float](), [Float](), [Float]())
        for map in maps {
            let rows = map?.paddedRows(count) ?? ClusterMap.missingRows(count, channels: channels)
            weights += rows.weights
            intercepts += rows.intercepts
            shifts += rows.shifts
        }
        self.init(
            weights: try backend.upload(weights, [maps.count, count, channels]),
            intercepts: try backend.upload(intercepts, [maps.count, count]),
            shifts: try backend.upload(shifts, [maps.count, count, channels]))
    }

    /// K.
    var count: Int { weights.shape[1] }
}

extension ClusterMap {
    /// One map's part of the tables of ``TransportClusters``.
    typealias Rows = (weights: [Float], intercepts: [Float], shifts: [Float])

    /// The map, followed by clusters that are none.
    /// - Parameter count: K, at least the map's own.
    func paddedRows(_ count: Int) -> Rows {
        let missing = Self.missingRows(count - self.count, channels: channels)
        let probes = probes
        return (probes.weights + missing.weights, probes.intercepts + missing.intercepts, shifts + missing.shifts)
    }

    static func missingRows(_ count: Int, channels: Int) -> Rows {
        let zeros = [Float](repeating: 0, count: count * channels)
        return (zeros, [Float](repeating: -.infinity, count: count), zeros)
    }
}
