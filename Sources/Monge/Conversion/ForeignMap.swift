import Foundation
import ModelFiles
import Models
import Tensors
import Transport

/// A map in a file of another program: state dicts of apple/ml-act and its relatives, or a control vector of llama.cpp or repeng.
public struct ForeignMap {
    private enum Contents {
        /// By the names of the files, which are those of sites.
        case stateDicts([(site: String, ReferenceStateDict)])
        case controlVector(ControlVector)
    }

    private let contents: Contents
    private let name: String

    /// What such files leave open.
    public struct Options: Sendable {
        /// Mean or gaussian, where a state dict may be either; nil to have it named in an error.
        public var method: Estimator?
        /// Where the map acts; nil for what the files say.
        public var support: Support?
        /// How it was estimated, which no such file says.
        public var estimation: Estimation

        public init(method: Estimator? = nil, support: Support? = nil, estimation: Estimation = .causal) {
            self.method = method
            self.support = support
            self.estimation = estimation
        }
    }

    /// Whether a path leads to such a file or folder.
    public static func isForeign(_ url: URL) -> Bool {
        if url.isFolder { return !stateDictNames(in: url).isEmpty }
        guard let kind = try? FileKind(path: url.path) else { return false }
        return kind == .torch || kind == .controlVector
    }

    /// - Throws: `ModelFileError` or `ForeignMapError` for files that hold no map.
    public init(contentsOf url: URL) throws {
        name = url.lastPathComponent
        if url.isFolder {
            contents = .stateDicts(
                try Self.stateDictNames(in: url).map { file in
                    (
                        String(file[..<file.lastIndex(of: ".")!]),
                        try ReferenceStateDict(StateDict(path: url.appendingPathComponent(file).path))
                    )
                })
        } else if try FileKind(path: url.path) == .controlVector {
            contents = .controlVector(try ControlVector(GGUFFile(path: url.path)))
        } else {
            contents = .stateDicts([
                (url.deletingPathExtension().lastPathComponent, try ReferenceStateDict(StateDict(path: url.path)))
            ])
        }
    }

    private static func stateDictNames(in folder: URL) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { [".statedict", ".pt", ".pth"].contains(where: $0.hasSuffix) }.sorted()
    }

    /// The map, as one of the given model.
    /// - Throws: ``MongeError`` for sites that the model has not, or has with other extents, and for what the files leave open and the options,
    ///   too.
    public func map(for model: any SteerableModel, options: Options = Options()) throws -> TransportMap {
        switch contents {
        case .stateDicts(let dictionaries): return try map(dictionaries, for: model, options)
        case .controlVector(let vector): return try map(vector, for: model, options)
        }
    }

    private func map(
        _ dictionaries: [(site: String, ReferenceStateDict)], for model: any SteerableModel, _ options: Options
    ) throws -> TransportMap {
        let methods = Set(try dictionaries.map { try method(of: $0.1, options) })
        guard methods.count == 1, let method = methods.first else {
            throw MongeError.usage(
                "\(name): its state dicts are of the methods \(methods.map(\.rawValue).sorted().joined(separator: " and "))")
        }
        let supports = Set(dictionaries.map { options.support ?? $0.1.fittedSupport ?? (method == .aurA ? .all : method.defaultSupport) })
        guard supports.count == 1, let support = supports.first else {
            throw MongeError.usage("\(name): its state dicts were fitted with several supports; --support says which is meant")
        }
        let hasPixels = model is any DiffusionModel
        if hasPixels, support != .all, method == .mean || method == .gaussian {
            throw MongeError.usage(
                "\(name): on pictures, ml-act looks at a channel's mean and moves single pixels under \(method); Monge does either, not that mix. "
                    + "--support all takes the map without its support")
        }
        let sites = try dictionaries.map { file, dictionary in
            (site: try site(file, of: model), map: try dictionary.map(method, support: support))
        }
        return try map(
            sites, for: model, method: method, support: support,
            spatial: hasPixels && method == .linear ? .channelMean : .pointwise, estimation: options.estimation)
    }

    private func method(of dictionary: ReferenceStateDict, _ options: Options) throws -> Estimator {
        guard let method = dictionary.method else {
            guard let given = options.method, given == .mean || given == .gaussian else {
                throw MongeError.usage("\(name): the state dict is that of a mean map or of a gaussian one; --method says which")
            }
            return given
        }
        guard options.method == nil || options.method == method else {
            throw MongeError.usage("\(name): the state dict is that of a \(method) map, not of a \(options.method!) one")
        }
        return method
    }

    private func map(_ vector: ControlVector, for model: any SteerableModel, _ options: Options) throws -> TransportMap {
        if let support = options.support, support != .all { throw MongeError.usage("\(name): a control vector acts everywhere") }
        let blocks = model.sites.filter { ControlVector.block(of: $0.name) != nil }
        let byBlock = Dictionary(grouping: blocks) { ControlVector.block(of: $0.name)! }
        let sites = try vector.directions.sorted { $0.key < $1.key }.map { block, direction in
            guard let site = byBlock[block]?.first, byBlock[block]?.count == 1 else {
                throw MongeError.wrongMap("\(name) has a direction for block \(block), which this \(model.architecture) model has not")
            }
            return (site: site, map: AffineMap.adding(direction))
        }
        return try map(
            sites, for: model, method: options.method ?? .caa, support: .all, spatial: .pointwise, estimation: options.estimation)
    }

    private func map(
        _ sites: [(site: Site, map: AffineMap)], for model: any SteerableModel, method: Estimator, support: Support, spatial: SpatialMode,
        estimation: Estimation
    ) throws -> TransportMap {
        for (site, map) in sites where site.channels != map.channels {
            throw MongeError.wrongMap("\(name) has \(map.channels) neurons at \(site.name), this model has \(site.channels)")
        }
        guard Set(sites.map(\.site.index)).count == sites.count else {
            throw MongeError.usage("\(name) has two maps for one site, with and without ':0' at the end of their names")
        }
        return TransportMap(
            sites: sites.sorted { $0.site.index < $1.site.index }.map {
                TransportMap.Site(
                    name: $0.site.name, map: $0.map, deadNeurons: $0.map.low.indices.count { [map = $0.map] in map.low[$0] >= map.high[$0] }
                )
            },
            description: TransportDescription(
                method: method.rawValue, estimation: estimation, pooling: "unknown", support: support, spatial: spatial,
                architecture: model.architecture, fingerprint: model.fingerprint, sketch: try model.sketch, sourceName: name,
                targetName: name,
                sourceCount: 0, targetCount: 0, seed: 0, date: ISO8601DateFormatter().string(from: Date())))
    }

    /// The site that a file is named after; ml-act names the only result of a module `:0`.
    private func site(_ file: String, of model: any SteerableModel) throws -> Site {
        for name in [file, file.hasSuffix(":0") ? String(file.dropLast(2)) : file] {
            if let site = model.sites.first(where: { $0.name == name }) { return site }
        }
        let nearest = SiteSelection.nearestNames(to: file, among: model.sites.map(\.name), count: 3)
        throw MongeError.wrongMap(
            "\(name): the file '\(file)' is named after no site of this \(model.architecture) model; the nearest are "
                + nearest.joined(separator: ", "))
    }
}

extension TransportMap {
    /// Writes the map as state dicts of ml-act's linear hook: a file `<site>:0.statedict` for each site, in a folder that is empty or not there
    /// yet.
    public func writeStateDicts(to folder: URL) throws {
        try requireUnconditional("a state dict of ml-act")
        let manager = FileManager.default
        if let contents = try? manager.contentsOfDirectory(atPath: folder.path), !contents.isEmpty {
            throw MongeError.usage("\(folder.path) is not empty: what lies there would be taken for parts of the map; name another folder")
        }
        do {
            try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw MongeError.failed("the folder \(folder.path) cannot be made: \(error.localizedDescription)")
        }
        for site in sites {
            let file = site.name.contains(":") ? site.name : "\(site.name):0"
            try ReferenceStateDict.write(
                site.map, support: description.support, to: folder.appendingPathComponent("\(file).statedict").path)
        }
    }
}
