import ArgumentParser
import Foundation
import Models
import Monge
import Tensors

/// `--model`, `--device`, `--activations`, `--precision` and `--variant` of a text-to-image model.
struct PictureModelOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: """
            A folder in the layout of diffusers (model_index.json), or a file in the layout of those who trained the model (safetensors, or GGUF of \
            FLUX).
            """)
    var model: String

    @OptionGroup var parts: PicturePartsOptions
    @OptionGroup var device: DeviceOption

    @Option(name: .long, help: "What norms write and products read: f32, f16, or auto: f16 where the device has tensor cores.")
    var activations: PrecisionOptions.Precision = .auto

    @OptionGroup var products: ProductPrecisionOption

    func load() throws -> PictureModel {
        try parts.load(model, activations: activations.dtype, on: device.open(products, unlessAsked: .fast))
    }

    var inputs: [NamedFile?] { NamedFile.model(model) + parts.inputs }
}

/// `--weights` of a text-to-image model.
struct PictureWeightOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Quantise the matrices of a text-to-image model while they are loaded: \(names.joined(separator: ", ")) (default: as stored); kernels of "
                + "convolutions become q8_0; embeddings, norms, biases and the autoencoder stay as stored.", valueName: "type"),
        transform: dtype)
    var weights: DType?

    private static let names = Quantiser.types.map(\.rawValue)

    private static func dtype(_ text: String) throws -> DType {
        guard let dtype = Quantiser.types.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            throw ValidationError(
                "--weights '\(text)' is none of \(names.joined(separator: ", ")); without --weights they are what they are stored as")
        }
        return dtype
    }

    var dtype: DType? { weights }
}

/// `--width` and `--height` of pictures.
struct PictureSizeOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional, help: "Of pictures, in pixels (default: what the model was trained on).",
        transform: Number.integer(in: 1...16_384))
    var width: Int?

    @Option(
        name: .long, parsing: .unconditional, help: "Of pictures, in pixels (default: the width).",
        transform: Number.integer(in: 1...16_384))
    var height: Int?

    /// Nil for the model's own.
    var size: PictureSize? { (width ?? height).map { PictureSize(width: width ?? $0, height: height ?? $0) } }
}

/// How pictures are drawn: `--steps`, `--guidance`, `--rescale`, `--scheduler`, `--prediction`, `--spacing`, `--width`, `--height`, `--memory`.
struct DrawingOptions: ParsableArguments {
    @Option(name: .long, parsing: .unconditional, help: "Steps of denoising.", transform: Number.integer(in: 1...100_000))
    var steps = 20

    @Option(
        name: .long, parsing: .unconditional,
        help: "The scale of classifier-free guidance; up to 1 for none (default: 7.5, for SDXL 5).",
        transform: Number.guidance)
    var guidance: Float?

    @Option(
        name: .long, parsing: .unconditional, help: "How far guidance is brought back to the deviation without it, from 0 to 1.",
        transform: Number.real("a number from 0 to 1") { (0...1).contains($0) })
    var rescale: Float = 0

    @OptionGroup var sampling: SchedulerOptions
    @OptionGroup var size: PictureSizeOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A budget on the resident memory of the whole process, the model included, for example 8G: weights come and go, fewer pictures are drawn "
                + "together, and they are decoded in tiles.", valueName: "size"))
    var memory: ByteCount?

    var options: PictureOptions {
        var options = PictureOptions(
            steps: steps, guidance: guidance, rescale: rescale, scheduler: sampling.scheduler, prediction: sampling.prediction,
            spacing: sampling.spacing, size: size.size)
        options.memory = memory?.bytes
        return options
    }
}

/// `--steer`, the maps in place, each for some of the steps.
struct PictureSteerOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .singleValue,
        help: ArgumentHelp(
            "A map, at strength λ (1 when left out), from and to a part of the schedule (0:1 when left out); several act in this order.",
            valueName: "file[@λ[:from-to]]"))
    var steer: [String] = []

    @Flag(name: .long, help: "Use the inverse of every map: from target to source.")
    var inverse = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What of a guided picture maps act on: both (the predictions with and without the text), or text (the one with it alone, so that "
                + "guidance makes more of what they do).", valueName: "half"))
    var steerHalf: PictureSteer.Half = .both

    /// The maps' files.
    var inputs: [NamedFile?] { steer.map { NamedFile("--steer", (try? SteerOptions.split(Self.split($0).steer))?.file) } }

    func steering() throws -> [PictureSteer] {
        try steer.map { text in
            let (steer, range) = try Self.split(text)
            return PictureSteer(try SteerOptions.entry(steer, inverse: inverse).steer, range: range, half: steerHalf)
        }
    }

    /// What is before the colon, and the range behind it.
    private static func split(_ text: String) throws -> (steer: String, range: Range<Float>) {
        guard let at = text.lastIndex(of: "@"), let colon = text[at...].lastIndex(of: ":"), !FileManager.default.fileExists(atPath: text)
        else { return (text, 0..<1) }
        let ends = text[text.index(after: colon)...].split(separator: "-", omittingEmptySubsequences: false).map { Float($0) }
        guard ends.count == 2, let from = ends[0], let to = ends[1], (0...1).contains(from), (0...1).contains(to), from < to else {
            throw MongeError.usage(
                "the part of the schedule in '\(text)' is no range such as 0-0.4: two numbers from 0 to 1 in order")
        }
        return (String(text[..<colon]), from..<to)
    }
}

extension PictureSteer.Half: ExpressibleByArgument {}
