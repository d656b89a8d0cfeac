import Logging
import Models
import Monge
import Tensors

/// What is told of a model of pictures.
struct PictureModelFace: Sendable {
    let name: String
    let architecture: String
    let fingerprint: String
    let device: String
    let size: PictureSize
    let sites: [String]

    init(_ model: PictureModel, name: String) {
        self.name = name
        architecture = model.diffusion.architecture
        fingerprint = model.diffusion.fingerprint
        device = model.backend.name
        size = model.diffusion.usualSize
        sites = model.diffusion.sites.map(\.name)
    }
}

/// A model of pictures under a name: its engine, and another one when the device fails.
final class PictureModelHost: Sendable {
    let face: PictureModelFace
    private let keeper: EngineKeeper<PictureEngine>

    /// - Parameter open: Opens the model on its device, now and when that fails.
    init(name: String, turns: DeviceTurns, logger: Logger, open: @escaping @Sendable () throws -> PictureModel) throws {
        let model = try open()
        face = PictureModelFace(model, name: name)
        keeper = EngineKeeper(PictureEngine(model, turns: turns), name: name, logger: logger) { PictureEngine(try open(), turns: turns) }
    }

    /// Draws pictures. When the device fails before one was handed on, once more on the device opened anew.
    func draw(
        _ requests: [PictureRequest], options: PictureOptions, partials: Int
    ) -> AsyncThrowingStream<PictureEvent, any Error> {
        keeper.stream { $0.draw(requests, options: options, partials: partials) }
    }
}
