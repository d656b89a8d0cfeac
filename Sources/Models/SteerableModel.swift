import ModelFiles
import Tensors

/// A model with sites, on a backend: what maps are fitted on and installed in.
public protocol SteerableModel: AnyObject {
    /// The model family, for example `llama`.
    var architecture: String { get }
    /// What tells these weights from others', whatever their quantisation: a hash over the extents and the norm gains.
    var fingerprint: String { get }
    /// A sample of the weights, which tells them from others' to the precision of their types; nil for a model that is not from a file.
    ///
    /// It is read when first asked for.
    var sketch: WeightSketch? { get throws }
    /// Every site, at the place of its index.
    var sites: [Site] { get }
    var backend: any Backend { get }
    /// Its weights, where they can come and go; nil where they are there as long as the model.
    var weightStore: WeightStore? { get }
}

extension SteerableModel {
    public var sketch: WeightSketch? { nil }

    public var weightStore: WeightStore? { nil }
}
