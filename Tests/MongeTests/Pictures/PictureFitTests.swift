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
    private func sides(_ fixture: DiffusionFixture, batches: [Int]) throws -> [CalibrationSide] {
        let (text, pooled) = (try fixture.tensor("fit.text"), try fixture.tensor("fit.pooled"))
        let sizes = try fixture.reference.floats("fit.sizes")
        let count = text.shape[0] / 2
        return try zip(["source caption", "target caption"], batches).enumerated().map { index, side in
            try fixture.side(side.0, index * count..<(index + 1) * count, batch: side.1, spatial: .channelMean, timestep: 999) { rows in
                try DenoisingConditioning(
                    text: text.rows(rows), pooledText: pooled.rows(rows), sizes: Array(sizes[6 * rows.lowerBound..<6 * rows.upperBound]))
            }
        }
    }

    private func sites(_ fixture: DiffusionFixture) -> [Site] {
        let sites = fixture.model.sites.filter { fixture.reference.contains(tensor: "fit.omega.\($0.name)") }
        #expect(sites.count > 20)
        return sites
    }

    @Test(arguments: DiffusionFixture.devices)
    func activationsAndMapsAgreeWithHooks(device: DeviceChoice) throws {
        let fixture = try DiffusionFixture("sdxl", device)
        try fixture.expectUntouchedFit(sides(fixture, batches: [16, 5]), spatial: .channelMean, sites: sites(fixture))
    }

    @Test(arguments: DiffusionFixture.devices)
    func causalMapsAgreeWithHooks(device: DeviceChoice) throws {
        let fixture = try DiffusionFixture("sdxl", device)
        let sites = sites(fixture)
        let sides = try sides(fixture, batches: [5, 16])
        let map = try Calibration(model: fixture.model, sites: sites, unit: "captions").fit(
            sides, options: FitOptions(support: .all, spatial: .channelMean), progress: nil, notice: { _ in })
        #expect(map.sites.map(\.name) == sites.map(\.name))
        #expect(map.description.spatial == .channelMean && map.description.architecture == "stable-diffusion-xl")
        for site in map.sites {
            try fixture.expectEqual(site.map.omega, "fit.omega.\(site.name)", 2e-4)
            try fixture.expectEqual(site.map.beta, "fit.beta.\(site.name)", 2e-4)
        }
    }
}
