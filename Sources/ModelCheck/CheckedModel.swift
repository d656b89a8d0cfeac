import Models
import Monge
import Tensors

/// A model on a backend, and one pass through it.
package struct CheckedModel {
    let sites: [Site]
    let backend: any Backend
    /// Runs the pass with the taps of a context.
    /// - Returns: What the model gives, beside its sites.
    let run: (ForwardContext) throws -> [(name: String, result: Tensor)]

    /// A text through a language model, and the scores after each of its tokens.
    package init(_ model: any LanguageModel, tokens: [Int32]) {
        sites = model.sites
        backend = model.backend
        run = { context in
            let batch = try TokenBatch([TokenBatch.Sequence(tokens: tokens, slot: 0)], capacity: tokens.count, on: model.backend)
            let hidden = try model.forward(batch, cache: nil, context: context, output: .all)
            return [("logits", try model.logits(hidden))]
        }
    }

    /// The first step of a picture.
    package init(_ model: PictureModel, caption: String, seed: UInt64, size: PictureSize?) {
        sites = model.diffusion.sites
        backend = model.backend
        run = { context in
            let step = try model.firstStep(of: caption, seed: seed, size: size, context: context)
            return [("the network's prediction", step.prediction), ("the autoencoder's decoder", step.decoded)]
        }
    }

    /// An activation, as it was read back.
    struct Activation {
        let name: String
        let channels: Int
        var values: [Float]
    }

    /// The activations of sites in the order of the pass, then what the model gives.
    /// - Parameter chosen: Indices of sites.
    func activations(of chosen: [Int]) throws -> [Activation] {
        var found: [Activation] = []
        func add(_ name: String, _ tensor: Tensor) throws {
            found.append(Activation(name: name, channels: tensor.shape.channels, values: try backend.readFloats(tensor)))
        }
        let context = ForwardContext(backend: backend, tapped: chosen, siteCount: sites.count) { try add($0.name, $1) }
        for (name, result) in try run(context) { try add(name, result) }
        return found
    }
}
