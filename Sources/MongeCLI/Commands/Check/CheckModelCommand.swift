import ArgumentParser
import Foundation
import ModelCheck
import Models
import Monge
import Tensors
import VulkanBackend
import VulkanRuntime

/// `monge check model`: one pass of a whole model against the plain CPU reference, site by site.
struct CheckModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Checks a whole model on a device against the plain CPU reference, at every site of one pass.",
        discussion: """
            A text goes through a language model, or a caption and noise through a text-to-image model: its encoders, the first step of the \
            schedule, and the autoencoder's decoder. How far a site may be off is measured: eight times what it moves by when the result of every \
            operation before it is moved as rounding may move it.

            Exit code 1 when a site is further off; the first one in the order of the pass is where to look. The reference is slow: a few tokens, \
            a small picture.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var text: TextOption

    @Option(name: .long, parsing: .upToNextOption, help: "Sites to look at, regular expressions that match whole names (default: all).")
    var sites: [String] = []

    @OptionGroup var size: PictureSizeOptions
    @OptionGroup var parts: PicturePartsOptions

    @Option(name: .long, parsing: .unconditional, help: "Seed of the noise, and of the errors.", transform: Number.seed)
    var seed: UInt64 = 1

    @Flag(name: .long, help: "Run shaders in their checked build, which tests every index.")
    var checked = false

    @Flag(name: .long, help: "Print JSON: an array of sites, in the order of the pass.")
    var json = false

    mutating func run() throws {
        let text = text.isNamed ? try text.read() : "The quick brown fox jumps over the lazy dog."
        let url = try ModelCatalogue.locate(model.model)
        let backend = try model.device.open(model.precision.products, unlessAsked: .exact) { $0.checked = checked }
        let isPictureModel = PictureModel.isPictureModel(url)
        let ofPictures = [("--width", size.width != nil), ("--height", size.height != nil)].filter(\.1).map(\.0) + parts.given
        if !isPictureModel, let option = ofPictures.first {
            throw MongeError.usage("\(option) is of pictures, and \(model.model) is a language model")
        }
        guard !isPictureModel || model.precision.cache == .auto else {
            throw MongeError.usage("--cache is of language models, and \(model.model) is a text-to-image model")
        }
        let load = isPictureModel ? picture(text) : language(text, url)
        let check = try ProgressBar.during { bar in
            var done = 0
            return try ModelCheck(
                on: backend, sites: sites.isEmpty ? nil : sites, seed: seed,
                progress: {
                    bar.update(Progress(activity: "running \($0)", done: done, total: 3, unit: "passes"))
                    done += 1
                },
                load: load)
        }
        if json { try Output.json(check.comparisons) } else { try show(check, on: backend) }
        let messages = (backend as? VulkanBackend)?.device.validationMessages ?? []
        for message in Set(messages).sorted() { Terminal.warning("validation: \(message)") }
        if check.firstDeparture != nil || !messages.isEmpty { throw ExitCode(1) }
    }

    /// On other backends the types of activations are those of the first, which may choose.
    private func language(_ text: String, _ url: URL) -> (any Backend) throws -> CheckedModel {
        var (cache, activations) = (model.precision.cacheType, model.precision.activationType)
        return { backend in
            let model = try Model.load(url, on: backend, cache: cache, activations: activations)
            (cache, activations) = (model.language.cacheType, model.language.activations)
            let tokens = model.tokenizer.encode(text, addSpecial: true, parseSpecial: false)
            guard !tokens.isEmpty else { throw MongeError.usage("the text has no tokens") }
            guard tokens.count <= model.language.contextLength else {
                throw MongeError.contextExceeded(
                    "the text has \(tokens.count) tokens; the model's context holds \(model.language.contextLength)")
            }
            return CheckedModel(model.language, tokens: tokens)
        }
    }

    private func picture(_ caption: String) -> (any Backend) throws -> CheckedModel {
        var activations = model.precision.activationType
        return { [model, parts, size, seed] backend in
            let model = try parts.load(model.model, activations: activations, on: backend)
            activations = model.diffusion.activations
            return CheckedModel(model, caption: caption, seed: seed, size: size.size)
        }
    }

    private func show(_ check: ModelCheck, on backend: any Backend) throws {
        let departing = check.comparisons.filter(\.departs)
        let nearest = check.comparisons.sorted { $0.worst > $1.worst }.prefix(10).map(\.name)
        let shown = check.comparisons.enumerated().filter { index, site in
            nearest.contains(site.name) || site.name == check.firstDeparture?.name || index == 0 || index == check.comparisons.count - 1
        }.map(\.element)
        try Output.table(
            ["site", "rows", "channels", "error", "bound", "worst element / bound"],
            shown.map {
                [
                    $0.name, String($0.rows), String($0.channels), Self.relative($0.error), Self.relative($0.bound),
                    $0.worst > 1e9 ? "∞" : Output.number($0.worst, digits: 3),
                ]
            })
        let what = "\(check.comparisons.count) sites and results on \(backend.name)"
        if let first = check.firstDeparture {
            try Output.line(
                "\n\(what): \(departing.count) further from the reference than rounding explains, the first \(first.name) "
                    + "(row \(first.worstRow), channel \(first.worstChannel))")
        } else {
            try Output.line("\n\(what): all within their bounds")
        }
    }

    private static func relative(_ value: Double) -> String { value == 0 ? "0" : String(format: "%.1e", value) }
}
