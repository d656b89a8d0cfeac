import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Transport

/// Maps of all norms of a UNet, estimated causally in one pass, against PyTorch's hooks and the method as it is defined: the model is run anew
/// for each site, with the maps of the earlier sites in place (tools/parity/make_diffusion.py).
///
/// Bound: a site's activations pass through the maps of all sites before it, each of which multiplies what its own rounding gave by slopes near
/// 1; 1e-4 of the largest number is what a steered pass is held to, and maps of 16 samples a side double the error of a mean.
@Suite struct PictureFitTests {
    private func side(_ fixture: DiffusionFixture, _ kind: String, _ rows: Range<Int>, batch: Int) throws -> CalibrationSide {
        let model = fixture.model
        let pooling = SamplePooling(CaptureOptions())
        let (latents, text, pooled) = (
            try fixture.tensor("fit.latents"), try fixture.tensor("fit.text"), try fixture.tensor("fit.pooled")
        )
        let sizes = try fixture.reference.floats("fit.sizes")
        let passes = try stride(from: rows.lowerBound, to: rows.upperBound, by: batch).map { first in
            let own = first..<min(first + batch, rows.upperBound)
            return try CalibrationPass(
                samples: first - rows.lowerBound..<own.upperBound - rows.lowerBound, rowCount: own.count, indices: [1],
                spatial: .channelMean, model: model, plan: { try pooling.plan(forImagesOf: $0, on: model.backend) },
                begin: {
                    try model.denoise(
                        latents.rows(own), timestep: 999,
                        DenoisingConditioning(
                            text: text.rows(own), pooledText: pooled.rows(own),
                            sizes: Array(sizes[6 * own.lowerBound..<6 * own.upperBound])))
                })
        }
        return CalibrationSide(kind: kind, count: rows.count, passes: passes) { _, site, _ in MongeError.failed(site.name) }
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func causalMapsAgreeWithHooks(device: DeviceChoice) throws {
        let fixture = try DiffusionFixture("sdxl", device)
        let sites = fixture.model.sites.filter { fixture.reference.contains(tensor: "fit.\($0.name).omega") }
        #expect(sites.count > 20)
        let count = try fixture.reference.tensor("fit.latents").shape[0] / 2
        let sides = try [
            side(fixture, "source caption", 0..<count, batch: 5), side(fixture, "target caption", count..<2 * count, batch: 16),
        ]
        let map = try Calibration(model: fixture.model, sites: sites, unit: "captions").fit(
            sides, options: FitOptions(support: .all, spatial: .channelMean), progress: nil, notice: { _ in })
        #expect(map.sites.map(\.name) == sites.map(\.name))
        #expect(map.description.spatial == .channelMean && map.description.architecture == "stable-diffusion-xl")
        for site in map.sites {
            try fixture.expectEqual(site.map.omega, "fit.\(site.name).omega", 2e-4)
            try fixture.expectEqual(site.map.beta, "fit.\(site.name).beta", 2e-4)
        }
    }
}
