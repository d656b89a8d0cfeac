import Foundation
import ModelFiles
import Tensors

/// Why a file is not a map.
public enum TransportFileError: Error, Equatable, CustomStringConvertible {
    case notAMap(String)
    case newerFormat(Int)
    case damaged(String)

    public var description: String {
        switch self {
        case .notAMap(let detail): "the file is not a transport map: \(detail)"
        case .newerFormat(let version):
            "the map has format version \(version), this program reads up to \(TransportMap.formatVersion): use a newer one"
        case .damaged(let detail): "the transport map is damaged: \(detail)"
        }
    }
}

/// The artefact: one safetensors file with f32 tensors `<site>.omega`, `.beta`, `.low`, `.high`, the model's sketch in
/// `sketch.values` and `sketch.steps`, and everything else as metadata. A site whose map is one between clusters has `<site>.cluster_centres`,
/// `.cluster_shifts`, `.cluster_weights` and `.cluster_bandwidth` in their place. Where the map has them there are the gates' weights in `<site>.gate` and
/// the condition's plane in `condition.direction` and `condition.centre`.
extension TransportMap {
    /// The latest version of the layout that is read. Version 2 may have a condition and gates, and is written where there are some: a program
    /// that does not know them must not pass over them. Version 3 may have maps between clusters, too, and is written where there are some.
    public static let formatVersion = 3

    private static let suffixes = ["omega", "beta", "low", "high"]

    /// Writes the map; the file is complete or absent.
    public func write(to url: URL) throws {
        var tensors = [SafetensorsWriter.Entry]()
        for site in sites {
            if let clusters = site.clusters {
                tensors += clusters.entries(site.name)
                continue
            }
            for (suffix, values) in zip(Self.suffixes, [site.map.omega, site.map.beta, site.map.low, site.map.high]) {
                tensors.append(SafetensorsWriter.Entry(name: "\(site.name).\(suffix)", shape: [values.count], floats: values))
            }
        }
        var metadata = try metadata()
        tensors += gateEntries + (condition?.entries ?? [])
        if let condition { metadata["condition"] = try condition.metadata }
        if isGated { metadata["gates"] = try gateMetadata }
        if let sketch = description.sketch {
            tensors += sketch.entries
            metadata.merge(try sketch.metadata) { own, _ in own }
        }
        try SafetensorsWriter.write(tensors, metadata: metadata, to: url.path)
    }

    private func metadata() throws -> [String: String] {
        let d = description
        func json(_ value: some Encodable) throws -> String { String(decoding: try JSONEncoder().encode(value), as: UTF8.self) }
        var metadata = [
            "format": "monge-transport", "format_version": hasClusters ? "3" : condition != nil || isGated ? "2" : "1", "method": d.method,
            "estimation": d.estimation.rawValue, "pooling": d.pooling, "support": d.support.description,
            "position": d.position.rawValue, "spatial": d.spatial.rawValue, "architecture": d.architecture, "fingerprint": d.fingerprint,
            "source_name": d.sourceName, "target_name": d.targetName, "source_count": String(d.sourceCount),
            "target_count": String(d.targetCount), "seed": String(d.seed), "date": d.date,
            "sites": try json(sites.map(\.name)), "dead_neurons": try json(sites.map(\.deadNeurons)),
        ]
        // What has been shrunk is in the numbers: a program that does not know of it uses the map as it is.
        if d.shrinkage > 0 { metadata["shrinkage"] = String(d.shrinkage) }
        return metadata
    }

    /// Reads a map.
    /// - Throws: `ModelFileError` for a file that is no safetensors file, ``TransportFileError`` for one that holds no sound map.
    public init(contentsOf url: URL) throws {
        try self.init(SafetensorsFile.open(url.path, expecting: .map))
    }

    /// Reads a map from an open file.
    public init(_ file: SafetensorsFile) throws {
        let metadata = file.metadata
        guard metadata["format"] == "monge-transport" else {
            throw TransportFileError.notAMap("its metadata does not say format = monge-transport")
        }
        func text(_ key: String) throws -> String {
            guard let value = metadata[key] else { throw TransportFileError.damaged("its metadata has no \(key)") }
            return value
        }
        func value<T>(_ key: String, _ parse: (String) -> T?) throws -> T {
            let raw = try text(key)
            guard let value = parse(raw) else { throw TransportFileError.damaged("its metadata says \(key) = '\(raw)'") }
            return value
        }
        func list<T: Decodable>(_ key: String) throws -> [T] {
            try value(key) { try? JSONDecoder().decode([T].self, from: Data($0.utf8)) }
        }
        let version = try value("format_version") { Int($0) }
        guard version <= Self.formatVersion else { throw TransportFileError.newerFormat(version) }
        description = TransportDescription(
            method: try text("method"), estimation: try value("estimation", Estimation.init(rawValue:)),
            pooling: try text("pooling"), support: try value("support", Support.init(name:)),
            shrinkage: metadata["shrinkage"] == nil
                ? 0 : try value("shrinkage") { Float($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } },
            position: try value("position", Position.init(rawValue:)), spatial: try value("spatial", SpatialMode.init(rawValue:)),
            architecture: try text("architecture"), fingerprint: try text("fingerprint"), sketch: try WeightSketch(file),
            sourceName: try text("source_name"), targetName: try text("target_name"),
            sourceCount: try value("source_count") { Int($0) }, targetCount: try value("target_count") { Int($0) },
            seed: try value("seed") { UInt64($0) }, date: try text("date"))
        condition = try Condition(file)
        let gates = try TokenGate.described(in: file)
        let names: [String] = try list("sites")
        let dead: [Int] = try list("dead_neurons")
        guard names.count == dead.count, !names.isEmpty, Set(names).count == names.count else {
            throw TransportFileError.damaged("its list of sites is empty, repeats a name, or does not match dead_neurons")
        }
        if let stray = gates.keys.first(where: { !names.contains($0) }) {
            throw TransportFileError.damaged("it has a gate for \(stray), and no map there")
        }
        let spatial = description.spatial
        sites = try zip(names, dead).map { name, dead in
            if let clusters = try ClusterMap(site: name, in: file, version: version) {
                guard spatial == .pointwise, gates[name] == nil, dead == 0 else {
                    throw TransportFileError.damaged(
                        "\(name) moves whole tokens between clusters, and has a gate, neurons without spread, or a map of channel means")
                }
                return Site(name: name, clusters: clusters)
            }
            let columns = try Self.suffixes.map { try Self.vector("\(name).\($0)", in: file) }
            guard Set(columns.map(\.count)).count == 1, !columns[0].isEmpty else {
                throw TransportFileError.damaged("the tensors of \(name) differ in length or are empty")
            }
            guard (columns[0] + columns[1]).allSatisfy(\.isFinite), (columns[2] + columns[3]).allSatisfy({ !$0.isNaN }) else {
                throw TransportFileError.damaged("\(name) holds values that are not numbers")
            }
            return Site(
                name: name, map: AffineMap(omega: columns[0], beta: columns[1], low: columns[2], high: columns[3]), deadNeurons: dead,
                gate: try gates[name].map { try TokenGate($0, site: name, channels: columns[0].count, in: file) })
        }
    }

    static func vector(_ name: String, in file: SafetensorsFile) throws -> [Float] {
        let (values, shape) = try numbers(name, in: file)
        guard shape.count == 1 else { throw TransportFileError.damaged("\(name) is f32 \(shape), expected f32 [channels]") }
        return values
    }

    /// A tensor's elements and extents.
    static func numbers(_ name: String, in file: SafetensorsFile) throws -> (values: [Float], shape: [Int]) {
        guard file.contains(tensor: name) else { throw TransportFileError.damaged("it has no tensor \(name)") }
        let tensor = try file.tensor(name)
        guard tensor.dtype == .f32 else { throw TransportFileError.damaged("\(name) is \(tensor.dtype) \(tensor.shape), expected f32") }
        return (
            (0..<tensor.shape.count).map { tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) },
            (0..<tensor.shape.rank).map { tensor.shape[$0] }
        )
    }
}
