import Foundation
import ModelFiles
import Models
import Tensors
import Transport

/// Captured activations as a file: a safetensors file with one f32 tensor `[samples, channels]` a site, named by the site.
public struct ActivationsFile: Sendable {
    /// In execution order.
    public var sites: [SiteActivations]
    public var architecture: String
    public var fingerprint: String
    /// A sample of the model's weights; nil for files from elsewhere.
    public var sketch: WeightSketch?
    public var pooling: String

    public init(_ sites: [SiteActivations], model: Model, options: CaptureOptions) throws {
        try self.init(sites, of: model.language, options: options)
    }

    public init(_ sites: [SiteActivations], model: PictureModel, options: CaptureOptions) throws {
        try self.init(sites, of: model.diffusion, options: options)
    }

    /// Activations from elsewhere.
    public init(sites: [SiteActivations], architecture: String, fingerprint: String, sketch: WeightSketch? = nil, pooling: String) {
        self.sites = sites
        self.architecture = architecture
        self.fingerprint = fingerprint
        self.sketch = sketch
        self.pooling = pooling
    }

    private init(_ sites: [SiteActivations], of model: any SteerableModel, options: CaptureOptions) throws {
        self.sites = sites
        architecture = model.architecture
        fingerprint = model.fingerprint
        sketch = try model.sketch
        pooling = (options.pooling ?? .mean).rawValue
    }

    /// Writes the activations; the file is complete or absent.
    public func write(to url: URL) throws {
        let names = String(decoding: try JSONEncoder().encode(sites.map(\.site)), as: UTF8.self)
        var tensors = sites.map { site in
            SafetensorsWriter.Entry(name: site.site, shape: [site.samples, site.channels], floats: site.values)
        }
        var metadata = [
            "format": "monge-activations", "architecture": architecture, "fingerprint": fingerprint, "pooling": pooling, "sites": names,
        ]
        if sites.contains(where: { $0.heads > 1 }) {
            metadata["heads"] = String(decoding: try JSONEncoder().encode(sites.map(\.heads)), as: UTF8.self)
        }
        if let sketch {
            tensors += sketch.entries
            metadata.merge(try sketch.metadata) { own, _ in own }
        }
        try SafetensorsWriter.write(tensors, metadata: metadata, to: url.path)
    }

    /// Reads activations. Files from elsewhere serve too: every f32 tensor of two axes is a site, in the file's order when its
    /// metadata has no list.
    public init(contentsOf url: URL) throws {
        let file = try SafetensorsFile.open(url.path, expecting: .activations)
        architecture = file.metadata["architecture"] ?? "unknown"
        fingerprint = file.metadata["fingerprint"] ?? ""
        sketch = try WeightSketch(file)
        pooling = file.metadata["pooling"] ?? "unknown"
        let listed = file.metadata["sites"].flatMap { try? JSONDecoder().decode([String].self, from: Data($0.utf8)) }
        let names = listed ?? file.tensorNames
        let heads = try Self.heads(file.metadata["heads"], of: names.count, in: url.lastPathComponent)
        sites = try zip(names, heads).map { name, heads in
            let tensor = try file.tensor(name)
            guard tensor.dtype == .f32, tensor.shape.rank == 2, tensor.shape.count > 0 else {
                throw MongeError.failed(
                    "\(url.lastPathComponent): \(name) is \(tensor.dtype) \(tensor.shape), expected f32 [samples, channels]")
            }
            var values = [Float](repeating: 0, count: tensor.shape.count)
            values.withUnsafeMutableBytes { $0.copyMemory(from: tensor.bytes) }
            guard heads > 0, tensor.shape[1] % heads == 0 else {
                throw MongeError.failed("\(url.lastPathComponent): \(name) has \(tensor.shape[1]) channels, which are no \(heads) heads")
            }
            return SiteActivations(site: name, samples: tensor.shape[0], channels: tensor.shape[1], values: values, heads: heads)
        }
    }

    /// The heads that each site is made of; 1 where the file does not say.
    private static func heads(_ listed: String?, of count: Int, in file: String) throws -> [Int] {
        guard let listed else { return [Int](repeating: 1, count: count) }
        guard let heads = try? JSONDecoder().decode([Int].self, from: Data(listed.utf8)), heads.count == count else {
            throw MongeError.failed("\(file): its list of heads is not one number for each of the \(count) sites")
        }
        return heads
    }

    /// Fits one map a site, each on its own, from the activations of two files.
    ///
    /// - Throws: ``MongeError`` when the files come from different models or do not have the same sites.
    public static func fit(
        source: ActivationsFile, target: ActivationsFile, options: FitOptions, on backend: any Backend
    ) throws -> TransportMap {
        guard source.fingerprint == target.fingerprint, source.architecture == target.architecture else {
            throw MongeError.failed("the source and target activations come from different models")
        }
        if let a = source.sketch, let b = target.sketch, let difference = a.firstDifference(from: b) {
            throw MongeError.failed("the source and target activations come from different models: \(difference)")
        }
        guard source.sites.map(\.site) == target.sites.map(\.site), !source.sites.isEmpty else {
            throw MongeError.failed("the source and target activations do not have the same sites")
        }
        try options.validate(pooling: source.pooling)
        guard options.gateTokens == nil else {
            throw MongeError.usage("gates are fitted to tokens that a model reads; activations from files are of pooled sentences")
        }
        for (kind, file) in [("source", source), ("target", target)] {
            for site in file.sites where !site.values.isFinite {
                let sample = site.values.firstIndex { !$0.isFinite }! / site.channels
                throw MongeError.failed("sample \(sample + 1) of the \(kind) activations at \(site.site) is not of finite numbers")
            }
        }
        let fit = MapFit(options)
        let fitted = try zip(source.sites, target.sites).map { a, b in
            guard a.channels == b.channels else {
                throw MongeError.failed("\(a.site) has \(a.channels) channels in the source and \(b.channels) in the target")
            }
            try options.check(samples: min(a.samples, b.samples), sites: source.sites.count, unit: "samples")
            guard a.samples == b.samples || !(options.isPaired || options.method.needsPairs) else {
                throw MongeError.usage(
                    "\(a.site) has \(a.samples) samples in the source and \(b.samples) in the target: pairs are one of each")
            }
            return try fit(
                source: backend.upload(a.values, [a.samples, a.channels]), target: backend.upload(b.values, [b.samples, b.channels]),
                site: a.site, heads: a.heads, on: backend)
        }
        return TransportMap(
            sites: options.units.map { UnitSelection.best($0, of: fitted) } ?? fitted.map(\.site),
            description: TransportDescription(
                method: options.method.rawValue, estimation: .simultaneous, pooling: source.pooling,
                support: options.effectiveSupport, shrinkage: options.shrinkage, position: options.position, spatial: options.spatial,
                architecture: source.architecture,
                fingerprint: source.fingerprint, sketch: source.sketch, sourceName: options.sourceName, targetName: options.targetName,
                sourceCount: source.sites[0].samples, targetCount: target.sites[0].samples, seed: options.seed,
                date: ISO8601DateFormatter().string(from: Date())))
    }
}
