import Foundation
import ModelFiles
import Models
import Tensors
import Tokenizers

/// A text-to-image model with its tokenizers and its scheduler's settings on a device: what draws, and what is steered.
///
/// ```swift
/// let model = try PictureModel.load("emoji")
/// let map = try model.fit(source: plain, target: lineDrawings, sites: [#"unet\..*norm.*"#])
/// let picture = try model.draw([PictureRequest("a cat", steering: [map.at(0.5).always])])[0]
/// try picture.write(to: URL(fileURLWithPath: "cat.png"))
/// ```
///
/// A model is used from one thread at a time.
public final class PictureModel {
    public let diffusion: any DiffusionModel
    /// The folder the model came from.
    public let url: URL
    let prompts: PromptReader
    /// `scheduler_config.json`.
    private let schedulerSettings: JSONDocument
    /// What the pipeline's class has in the place of the scheduler's settings.
    private let schedulerOverrides: [String: JSONValue]

    /// What weights are quantised to while they are loaded; nil for nothing.
    let weightType: DType?

    public var backend: any Backend { diffusion.backend }

    /// Every norm of a UNet, both streams behind each block of a transformer: the sites of the experiments of Rodríguez et al. 2025.
    private static let usualSites = [
        #"unet\..*norm.*"#, #"transformer\.transformer_blocks\.[0-9]+:[01]"#, #"transformer\.single_transformer_blocks\.[0-9]+:[01]"#,
    ]

    /// Patterns of the sites to steer unless others are named.
    public var defaultSites: [String] {
        Self.usualSites.filter { (try? SiteSelection.sites(of: diffusion, matching: [$0])) != nil }
    }

    package init(
        diffusion: any DiffusionModel, prompts: PromptReader, schedulerSettings: JSONDocument, schedulerOverrides: [String: JSONValue],
        weightType: DType? = nil, url: URL
    ) {
        self.diffusion = diffusion
        self.weightType = weightType
        self.prompts = prompts
        self.schedulerSettings = schedulerSettings
        self.schedulerOverrides = schedulerOverrides
        self.url = url
    }

    /// Opens a model.
    ///
    /// - Parameters:
    ///   - nameOrPath: A diffusers folder, or the name of one from the cache; or a file in the layout of those who trained the model.
    ///   - parts: Files of components beside it.
    ///   - device: Where it runs; `$MONGE_DEVICE` or the best GPU or the CPU when nil.
    ///   - precision: Of products with quantised weights: ``ProductPrecision/fast`` lets the device round activations.
    /// - Throws: ``MongeError``, `ModelFileError` or `ModelError` with a sentence that says what is wrong with the files.
    public static func load(
        _ nameOrPath: String, parts: PictureParts = PictureParts(), device: DeviceChoice? = nil,
        options: DiffusionModelOptions = DiffusionModelOptions(), precision: ProductPrecision = .exact
    ) throws -> PictureModel {
        let url = try ModelCatalogue.locate(nameOrPath)
        return try load(url, parts: parts, on: (device ?? .fromEnvironment()).open(precision: precision), options: options)
    }

    /// Opens a model on a backend that is already there.
    public static func load(
        _ url: URL, parts: PictureParts = PictureParts(), on backend: any Backend, options: DiffusionModelOptions = DiffusionModelOptions()
    ) throws -> PictureModel {
        guard isPictureModel(url) || FileManager.default.isReadableFile(atPath: url.path) && !url.hasDirectoryPath else {
            throw MongeError.usage(
                "\(url.path) is no folder with a model_index.json, and so no text-to-image model in the layout of diffusers")
        }
        let files = try parts.files(beside: url)
        let diffusion = try DiffusionModels.load(files, options: options, on: backend)
        // Its pipelines' classes set these right, whatever the file says (diffusers' StableDiffusionPipeline).
        let isFirst = try files.className == "StableDiffusionPipeline"
        return PictureModel(
            diffusion: diffusion, prompts: try PromptReader(files, lengths: diffusion.textLengths),
            schedulerSettings: try files.settings("scheduler", file: "scheduler_config.json"),
            schedulerOverrides: isFirst ? ["steps_offset": .integer(1), "clip_sample": .bool(false)] : [:], weightType: options.weights,
            url: url)
    }

    /// Whether a place holds a text-to-image model, as far as the names of its files tell.
    public static func isPictureModel(_ url: URL) -> Bool {
        FileManager.default.fileExists(atPath: url.appendingPathComponent("model_index.json").path) || PictureParts.isCheckpoint(url)
    }

    /// The scheduler: the model's own, or another by its name, with settings in the place of its file's.
    func scheduler(_ options: PictureOptions) throws -> any Scheduler {
        var settings = schedulerOverrides
        if let name = options.scheduler {
            do { try SchedulerRegistry.check(name) } catch { throw MongeError.usage("\(error)") }
        }
        if let prediction = options.prediction { settings["prediction_type"] = .string(prediction) }
        if let spacing = options.spacing { settings["timestep_spacing"] = .string(spacing) }
        return try SchedulerRegistry.load(schedulerSettings, named: options.scheduler, setting: settings)
    }

    /// The schedulers that pictures can be drawn with, by name.
    public static var schedulerNames: [String] { SchedulerRegistry.knownNames }
}
