import Models
import Tensors

/// What one side of a fit is captured from: sentences, or captions of pictures.
package struct CalibrationSide {
    /// "source sentence" or "target caption", for messages.
    let kind: String
    /// The number of samples.
    let count: Int
    let passes: [CalibrationPass]
    /// What an error says of a batch whose activations at a site are not finite, with maps in place.
    let explain: (_ batch: Int, _ site: Site, _ steering: [Steer]) throws -> any Error

    package init(
        kind: String, count: Int, passes: [CalibrationPass],
        explain: @escaping (_ batch: Int, _ site: Site, _ steering: [Steer]) throws -> any Error
    ) {
        self.kind = kind
        self.count = count
        self.passes = passes
        self.explain = explain
    }

    /// What the samples of a site take, in bytes a channel.
    var bytesPerChannel: Int { (count + passes.count) * MemoryLayout<Float>.stride }

    /// Throws when an activation among the samples is not finite.
    func requireFinite(_ samples: SiteSamples, site: Site, steering: [Steer], on backend: any Backend) throws {
        if let batch = try samples.firstNonFiniteBatch(on: backend) { throw try explain(batch, site, steering) }
    }
}
