import ModelFiles
import Tensors

/// What the components of a text-to-image model have in common while they are loaded: the list of its sites, the hash over its norms, and
/// which matrices are sampled to tell it from others.
final class SiteRegister {
    private(set) var list = SiteList()
    private var hash = Fingerprint()
    /// Where each matrix is found, and its name in the whole model.
    private var matrices: [(weights: any WeightSource, stored: String, name: String)] = []
    private var rememberedSketch: WeightSketch?

    var sites: [Site] { list.sites }
    var fingerprint: String { hash.text }

    func site(_ name: String, _ channels: Int) -> Site { list.add(name, channels) }

    func sites(_ name: String, tuple channels: [Int]) -> [Site] { list.add(name, tuple: channels) }

    /// Gains as f16 has them, so that a file in single precision and its copy in half precision are one model.
    func add(gains: [Float]) { hash.add(gains.map { Float(Float16($0)) }) }

    func add(extents: [Int]) { hash.add(extents) }

    func add(matrix stored: String, as name: String, of weights: any WeightSource) { matrices.append((weights, stored, name)) }

    /// A sample of every matrix, read when it is first asked for.
    func sketch() throws -> WeightSketch {
        if let rememberedSketch { return rememberedSketch }
        let sketch = WeightSketch(
            try matrices.compactMap { entry in
                var sample = try entry.weights.sample(entry.stored)
                sample?.name = entry.name
                return sample
            })
        rememberedSketch = sketch
        return sketch
    }
}
