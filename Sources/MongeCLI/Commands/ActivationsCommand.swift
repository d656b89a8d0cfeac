import ArgumentParser
import Foundation
import Models
import Monge

/// `monge activations`: pooled activations of chosen sites, one tensor a site.
struct ActivationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activations",
        abstract: "Captures pooled activations of sentences, or of captions of pictures: one tensor [samples, channels] a site.")

    @OptionGroup var model: ModelOptions

    @OptionGroup var sentences: SentencesOption
    @OptionGroup var capture: CaptureOptionGroup
    @OptionGroup var steering: SteerOptions
    @OptionGroup var picture: PictureFitOptions

    @Option(
        name: .long, parsing: .unconditional, help: "Of captions: caption i has the noise of seed + i (default: 0).", transform: Number.seed
    )
    var seed: UInt64?

    @Option(name: .shortAndLong, help: "The safetensors file to write.")
    var out: String

    mutating func run() throws {
        try NamedFile.check(
            outputs: [NamedFile("--out", out)], inputs: model.inputs + sentences.inputs + steering.inputs + picture.parts.inputs)
        let texts = try sentences.read()
        let steering = try steering.steering()
        let isPictureModel = PictureModel.isPictureModel(try ModelCatalogue.locate(model.model))
        let file = isPictureModel ? try ofCaptions(texts, steering) : try ofSentences(texts, steering)
        try file.write(to: URL(fileURLWithPath: out))
        Terminal.message("wrote \(out): \(file.sites.count) sites, \(file.sites[0].samples) samples")
    }

    private func ofSentences(_ sentences: [String], _ steering: [Steer]) throws -> ActivationsFile {
        try picture.refuse(model.model)
        guard seed == nil else { throw MongeError.usage("--seed is of the noise of pictures, and \(model.model) is a language model") }
        guard !capture.sites.isEmpty else {
            throw MongeError.usage("--sites is missing; for all layer norms: --sites '.*layernorm' 'model\\.norm'")
        }
        let model = try model.load(unlessAsked: .exact)
        let activations = try ProgressBar.during { bar in
            try model.activations(
                of: sentences, sites: capture.sites, options: capture.options, steering: steering, progress: bar.update,
                warn: Terminal.warning)
        }
        return try ActivationsFile(activations, model: model, options: capture.options)
    }

    private func ofCaptions(_ captions: [String], _ steering: [Steer]) throws -> ActivationsFile {
        try capture.refuseOptionsOfTexts(model.model, ("--cache", model.precision.cache != .auto))
        let model = try picture.parts.load(
            model.model, activations: model.precision.activationType,
            on: model.device.open(model.precision.products, unlessAsked: .exact))
        var options = capture.options
        options.steps = picture.stepsCaptured ?? 1
        let activations = try ProgressBar.during { bar in
            try model.activations(
                of: captions, sites: capture.sites.isEmpty ? model.defaultSites : capture.sites, options: options, steering: steering,
                seed: seed ?? 0, drawing: picture.options, progress: bar.update, warn: Terminal.warning)
        }
        return try ActivationsFile(activations, model: model, options: options)
    }
}
