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

    private init(_ sites: [SiteActivations], of model: any SteerableModel, options: CaptureOptions) throws {
        self.sites = sites
        architecture = model.architecture
        fingerprint = model.fingerprint
        sketch = try model.sketch
        pooling = options.pooling.rawValue
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
        sites = try (listed ?? file.tensorNames).map { name in
            let tensor = try file.tensor(name)
            guard tensor.dtype == .f32, tensor.shape.rank == 2, tensor.shape.count > 0 else {
                throw MongeError.failed(
                    "\(url.lastPathComponent): \(name) is \(tensor.dtype) \(tensor.shape), expected f32 [samples, channels]")
            }
            var values = [Float](repeating: 0, count: tensor.shape.count)
            values.withUnsafeMutableBytes { $0.copyMemory(from: tensor.bytes) }
            return SiteActivations(site: name, samples: tensor.shape[0], channels: tensor.shape[1], values: values)
        }
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
        for (kind, file) in [("source", source), ("target", target)] {
            for site in file.sites where !site.values.isFinite {
                let sample = site.values.firstIndex { !$0.isFinite }! / site.channels
                throw MongeError.failed("sample \(sample + 1) of the \(kind) activations at \(site.site) is not of finite numbers")
            }
        }
        let fit = MapFit(method: options.method, support: options.effectiveSupport)
        let fitted = try zip(source.sites, target.sites).map { a, b in
            guard a.channels == b.channels else {
                throw MongeError.failed("\(a.site) has \(a.channels) channels in the source and \(b.channels) in the target")
            }
            guard min(a.samples, b.samples) > 1 || options.method == .mean else {
                throw MongeError.usage("a \(options.method.rawValue) map needs at least two samples a side, \(a.site) has one")
            }
            return try fit(
                source: backend.upload(a.values, [a.samples, a.channels]), target: backend.upload(b.values, [b.samples, b.channels]),
                site: a.site, on: backend)
        }
        return TransportMap(
            sites: fitted,
            description: TransportDescription(
                method: options.method.rawValue, estimation: .simultaneous, pooling: source.pooling,
                support: options.effectiveSupport, position: options.position, spatial: options.spatial, architecture: source.architecture,
                fingerprint: source.fingerprint, sketch: source.sketch, sourceName: options.sourceName, targetName: options.targetName,
                sourceCount: source.sites[0].samples, targetCount: target.sites[0].samples, seed: options.seed,
                date: ISO8601DateFormatter().string(from: Date())))
    }
}
