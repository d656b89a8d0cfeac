import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Transport

/// A small model and what diffusers makes of it.
protocol ReferencedModel {
    associatedtype Model: DiffusionModel
    var reference: SafetensorsFile { get }
    var model: Model { get }
}

extension ReferencedModel {
    /// A tensor of the reference on the model's device.
    func tensor(_ name: String) throws -> Tensor { try model.backend.upload(reference.floats(name), reference.tensor(name).shape) }

    /// The sites in the order in which diffusers comes to them.
    var sites: [String] {
        get throws { try JSONDecoder().decode([String].self, from: Data(#require(reference.metadata["sites"]).utf8)) }
    }

    /// Texts of the reference, by their tokens, all of one length.
    func texts(_ name: String) throws -> [[Int32]] {
        let tokens = try reference.integers(name)
        let length = try reference.tensor(name).shape[1]
        return stride(from: 0, to: tokens.count, by: length).map { Array(tokens[$0..<$0 + length]) }
    }

    /// Compares with the reference, relative to its largest number.
    func expectEqual(_ values: [Float], _ name: String, _ tolerance: Float, _ what: String = "") throws {
        let expected = try reference.floats(name)
        #expect(values.count == expected.count, "\(name) \(what)")
        let scale = max(expected.map(abs).max() ?? 0, .leastNormalMagnitude)
        let largest = zip(values, expected).map { abs($0 - $1).isNaN ? .infinity : abs($0 - $1) / scale }.max() ?? .infinity
        #expect(largest <= tolerance, "\(name) \(what): \(largest)")
    }

    /// Maps of the reference at all sites that have one.
    func map(_ mode: SpatialMode) throws -> TransportMap {
        let mapped = model.sites.filter { reference.contains(tensor: "\($0.name).omega") }
        return TransportMap(
            sites: try mapped.map { site in
                func row(_ name: String) throws -> [Float] { try reference.floats("\(site.name).\(name)") }
                let map = AffineMap(omega: try row("omega"), beta: try row("beta"), low: try row("low"), high: try row("high"))
                return TransportMap.Site(name: site.name, map: map, deadNeurons: 0)
            },
            description: TransportDescription(
                method: "linear", estimation: .causal, pooling: "mean", support: .all, spatial: mode, architecture: model.architecture,
                fingerprint: model.fingerprint, sourceName: "a", targetName: "b", sourceCount: 2, targetCount: 2, seed: 0, date: ""))
    }

    /// A context in which the maps of the reference act with its strengths.
    func steered(_ mode: SpatialMode) throws -> ForwardContext {
        let map = try map(mode)
        let steering = try reference.floats("strengths").map { [map.at($0)] }
        return ForwardContext(
            backend: model.backend, transports: try InstalledSteering(steering, on: model).transports(for: steering.map { (1, $0) }),
            siteCount: model.sites.count)
    }
}
