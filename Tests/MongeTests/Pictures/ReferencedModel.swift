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

    /// A side of the captions that the reference was fitted with.
    /// - Parameters:
    ///   - rows: Its images.
    ///   - batch: The images of a batch.
    ///   - conditioning: That of some images.
    func side(
        _ kind: String, _ rows: Range<Int>, batch: Int, spatial: SpatialMode, timestep: Float,
        conditioning: @escaping (Range<Int>) throws -> DenoisingConditioning
    ) throws -> CalibrationSide {
        let model = model
        let pooling = SamplePooling(FitOptions())
        let latents = try tensor("fit.latents")
        let passes = try stride(from: rows.lowerBound, to: rows.upperBound, by: batch).map { first in
            let own = first..<min(first + batch, rows.upperBound)
            return try CalibrationPass(
                samples: first - rows.lowerBound..<own.upperBound - rows.lowerBound, rowCount: own.count, indices: [1],
                spatial: spatial, model: model, plan: { try pooling.plan(forImagesOf: $0, on: model.backend) },
                begin: { _ in try model.denoise(latents.rows(own), timestep: timestep, conditioning(own)) })
        }
        return CalibrationSide(kind: kind, count: rows.count, passes: passes) { _, site, _ in MongeError.failed(site.name) }
    }

    /// Pooled activations of the untouched model and the linear maps fitted from them, against hooks.
    ///
    /// Bound: what ``DiffusionParityTests`` derives for f32 on thirty layers, 2e-5 of the largest number if all errors had one sign, and a mean over
    /// pixels or tokens takes the half of them away. A linear map is compared by where it takes the samples, since slope and shift of a channel
    /// that hardly varies between captions are two large numbers that take each other's error away.
    func expectUntouchedFit(_ sides: [CalibrationSide], spatial: SpatialMode, sites: [Site]) throws {
        let calibration = Calibration(model: model, sites: sites, unit: "captions")
        let captured = try sides.map { side in
            try calibration.capture(side, sites: sites, pooling: SamplePooling(FitOptions())).map {
                try model.backend.readFloats($0.values)
            }
        }
        let map = try calibration.fit(
            sides, options: FitOptions(estimation: .simultaneous, support: .all, spatial: spatial), progress: nil, notice: { _ in })
        for (index, site) in sites.enumerated() {
            let activations = "fit.untouched.activations.\(site.name)"
            try expectEqual(captured[0][index] + captured[1][index], activations, 1e-5)
            let samples = try reference.floats(activations)
            let (omega, beta) = (
                try reference.floats("fit.untouched.omega.\(site.name)"), try reference.floats("fit.untouched.beta.\(site.name)")
            )
            let own = map.sites[index].map
            func moved(_ omega: [Float], _ beta: [Float]) -> [Double] {
                samples.indices.map { Double(omega[$0 % omega.count]) * Double(samples[$0]) + Double(beta[$0 % beta.count]) }
            }
            let expected = moved(omega, beta)
            let largest = expected.map(abs).max()!
            let error = zip(moved(own.omega, own.beta), expected).map { abs($0 - $1) }.max()! / largest
            #expect(error <= 1e-5, "\(site.name): \(error)")
        }
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
