import ModelFiles
import Tensors

/// What the file of a map says of a site's clusters.
extension ClusterMap {
    private static let suffixes = ["cluster_centres", "cluster_shifts", "cluster_weights", "cluster_bandwidth"]

    func entries(_ site: String) -> [SafetensorsWriter.Entry] {
        let values: [(shape: Shape, floats: [Float])] = [
            ([count, channels], centres), ([count, channels], shifts), ([count], weights), ([1], [bandwidth]),
        ]
        return zip(Self.suffixes, values).map { SafetensorsWriter.Entry(name: "\(site).\($0)", shape: $1.shape, floats: $1.floats) }
    }

    /// The clusters of a site; nil where the file has none there.
    /// - Parameter version: The file's: clusters come with the third.
    init?(site: String, in file: SafetensorsFile, version: Int) throws {
        let names = Self.suffixes.map { "\(site).\($0)" }
        guard names.contains(where: file.contains(tensor:)) else { return nil }
        func damaged(_ detail: String) -> TransportFileError { .damaged("the clusters of \(site) \(detail)") }
        guard version >= 3 else { throw damaged("are in a file that says format_version = \(version), which has none") }
        let (centres, shape) = try TransportMap.numbers(names[0], in: file)
        let (shifts, shiftShape) = try TransportMap.numbers(names[1], in: file)
        let weights = try TransportMap.vector(names[2], in: file)
        let bandwidth = try TransportMap.vector(names[3], in: file)
        guard shape.count == 2, shape == shiftShape, shape[0] == weights.count, shape[1] > 0, bandwidth.count == 1 else {
            throw damaged(
                "have centres \(shape), shifts \(shiftShape), \(weights.count) weights and \(bandwidth.count) widths; expected [K, channels], "
                    + "[K, channels], K and 1")
        }
        guard (1...Self.limit).contains(weights.count) else { throw damaged("are \(weights.count), and there may be 1 to \(Self.limit)") }
        guard (centres + shifts + weights + bandwidth).allSatisfy(\.isFinite) else { throw damaged("hold values that are not numbers") }
        guard weights.allSatisfy({ $0 > 0 }), abs(weights.reduce(0, +) - 1) < 1e-3 else {
            throw damaged("have weights that are not all positive with a sum of 1")
        }
        guard bandwidth[0] > 0 else { throw damaged("have a width of \(bandwidth[0]), and it is above 0") }
        self.init(centres: centres, shifts: shifts, weights: weights, bandwidth: bandwidth[0])
        guard probes.weights.allSatisfy(\.isFinite), probes.intercepts.allSatisfy(\.isFinite) else {
            throw damaged("lie so far apart for their width of \(bandwidth[0]) that distances are no numbers")
        }
    }
}
