import ArgumentParser
import Foundation
import Monge
import Tensors
import Transport
import VulkanRuntime

/// `--device`, on every command that computes.
struct DeviceOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "auto, cpu, cpu-reference, vulkan, vulkan:N or vulkan:NAME (default: $MONGE_DEVICE, else auto).")
    var device: String?

    func choice() throws -> DeviceChoice { try device.map { try DeviceChoice($0) } ?? .fromEnvironment() }

    /// Whether $MONGE_VALIDATION asks for the Vulkan validation layer.
    static var validates: Bool { ProcessInfo.processInfo.environment["MONGE_VALIDATION"] == "1" }

    /// Opens the device; $MONGE_VALIDATION=1 turns the validation layer on.
    /// - Parameters:
    ///   - products: What `--precision` and `--batch-invariant` ask for.
    ///   - usual: What the CPU does where nobody asks.
    ///   - change: Other options.
    func open(
        _ products: ProductPrecisionOption? = nil, unlessAsked usual: ProductPrecision = .exact,
        _ change: (inout DeviceOptions) -> Void = { _ in }
    ) throws -> any Backend {
        var options = DeviceOptions()
        options.validation = DeviceOption.validates
        change(&options)
        return try choice().open(
            options: options, precision: products?.precision(unlessAsked: usual) ?? usual, onVulkan: products?.onVulkan ?? .exact,
            isBatchInvariant: products?.batchInvariant ?? false, warn: Terminal.warning)
    }

    /// Opens the device and a model on it.
    /// - Parameter products: What `--precision` is where nobody asks.
    func load(_ model: String, precision: PrecisionOptions, unlessAsked products: ProductPrecision) throws -> Model {
        try Model.load(
            ModelCatalogue.locate(model), on: open(precision.products, unlessAsked: products),
            cache: precision.cacheType,
            activations: precision.activationType)
    }
}

/// `--precision` and `--batch-invariant`, on every command that multiplies with weights: on the CPU exact by default where numbers are the result,
/// fast where texts, pictures and times are.
package struct ProductPrecisionOption: ParsableArguments {
    @Option(
        name: .long,
        help: """
            Products with weights: exact, or fast, for which the CPU rounds activations that meet quantised weights to 16 bits in blocks of 32, GPUs \
            that multiply bytes those of up to 16 rows, and tensor cores multiply f32 activations as f16. (default: on the CPU fast for generate, chat, evaluate, image, serve and bench, else exact)
            """)
    var precision: ProductPrecision?

    @Flag(
        name: .long,
        help: """
            Bits that do not depend on what is computed together, nor on the parts that a prompt is read in: on GPUs one kernel for all numbers of rows, \
            without tensor cores (on the CPU they never do)
            """)
    package var batchInvariant = false

    package init() {}

    /// On the CPU.
    package func precision(unlessAsked usual: ProductPrecision) -> ProductPrecision { precision ?? usual }

    /// Whoever asks for f32 activations gets products of f32 of tensor cores: f16 has 11 bits of them, and ends at 65504. What products of
    /// integers gain on GPUs has not been measured yet.
    package var onVulkan: ProductPrecision { precision ?? .exact }
}

extension ProductPrecision: ExpressibleByArgument {}

/// `--activations`, `--cache` and `--precision`, on every command that runs a language model.
struct PrecisionOptions: ParsableArguments {
    enum Precision: String, CaseIterable, ExpressibleByArgument {
        case auto, f32, f16

        /// nil for what suits the device or the model.
        var dtype: DType? {
            switch self {
            case .auto: nil
            case .f32: .f32
            case .f16: .f16
            }
        }
    }

    @Option(name: .long, help: "What norms write and products read: f32, f16, or auto: f16 where the device has tensor cores.")
    var activations: Precision = .auto

    @Option(name: .long, help: "The key-value cache: f32, f16 for half the memory, or auto: as the activations.")
    var cache: Precision = .auto

    @OptionGroup var products: ProductPrecisionOption

    var activationType: DType? { activations.dtype }
    var cacheType: DType? { cache.dtype }
}

/// `--model`, `--device`, `--activations`, `--cache` and `--precision`.
struct ModelOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "A GGUF file, a Hugging Face folder, or a name from the cache (smollm2).")
    var model: String

    @OptionGroup var device: DeviceOption
    @OptionGroup var precision: PrecisionOptions

    /// - Parameter products: What `--precision` is where nobody asks.
    func load(unlessAsked products: ProductPrecision) throws -> Model {
        try device.load(model, precision: precision, unlessAsked: products)
    }

    var inputs: [NamedFile?] { NamedFile.model(model) }
}

/// The same where a model is not always needed.
struct OptionalModelOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "A GGUF file, a Hugging Face folder, or a name from the cache (smollm2).")
    var model: String?

    @OptionGroup var device: DeviceOption
    @OptionGroup var precision: PrecisionOptions

    /// - Precondition: There is a model.
    var required: ModelOptions {
        var options = ModelOptions()
        (options.model, options.device, options.precision) = (model!, device, precision)
        return options
    }
}

/// `--steer`, the maps in place.
struct SteerOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .singleValue,
        help: ArgumentHelp("A map, at strength λ (1 when left out); several act in this order.", valueName: "file[@λ]"))
    var steer: [String] = []

    @Flag(name: .long, help: "Use the inverse of every map: from target to source.")
    var inverse = false

    struct Entry {
        var file: String
        var steer: Steer
    }

    /// The maps' files, as messages name them.
    var files: [String] { steer.map { (try? SteerOptions.split($0))?.file ?? $0 } }

    func entries() throws -> [Entry] { try steer.map { try SteerOptions.entry($0, inverse: inverse) } }

    /// The map of `file@λ`.
    static func entry(_ text: String, inverse: Bool) throws -> Entry {
        let (file, strength) = try split(text)
        return Entry(file: file, steer: Steer(try map(file, inverse: inverse), strength: strength))
    }

    /// The map of a file, with its warnings said.
    static func map(_ file: String, inverse: Bool = false) throws -> TransportMap {
        let map: TransportMap
        do {
            map = try TransportMap(contentsOf: URL(fileURLWithPath: file))
        } catch let error as TransportFileError {
            throw MongeError.failed("\(file): \(error)")
        }
        for warning in map.warnings { Terminal.warning("\(file): \(warning)") }
        return inverse ? map.inverse : map
    }

    /// The maps' files.
    var inputs: [NamedFile?] { steer.map { NamedFile("--steer", (try? SteerOptions.split($0))?.file) } }

    /// The file and the strength in `file@λ`; a file whose name has an @ in it is found, too.
    static func split(_ text: String) throws -> (file: String, strength: Float) {
        guard let at = text.lastIndex(of: "@") else { return (text, 1) }
        let (file, number) = (String(text[..<at]), text[text.index(after: at)...])
        func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
        if exists(text), !exists(file) { return (text, 1) }
        guard let strength = Float(number) else { throw MongeError.usage("the strength '\(number)' in '\(text)' is not a number") }
        guard strength.isFinite else { throw MongeError.usage("the strength in '\(text)' is not a finite number") }
        return (file, strength)
    }

    func steering() throws -> [Steer] { try entries().map(\.steer) }
}

/// How activations are captured: `--sites`, `--pooling`, `--samples`, `--max-tokens`, `--skip-bos`, `--skip-first`, `--memory`.
struct CaptureOptionGroup: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Regular expressions that match site names in full (`monge inspect` lists them).", valueName: "regex"))
    var sites: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How a sentence's tokens become one sample: mean, max, min, median or last; all makes every token a sample (default: what the method "
                + "is used with; mean for linear, mean, gaussian and chars, and for captured activations).", valueName: "pooling"))
    var pooling: CapturePooling?

    @Option(
        name: .long, parsing: .unconditional, help: "With --pooling all, the most tokens a side, drawn with the seed.",
        transform: Number.integer(from: 2))
    var samples: Int?

    @OptionGroup var length: LengthOption

    @Flag(name: .long, help: "Leave the beginning-of-sequence token out of the sample.")
    var skipBos = false

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "Leave a sentence's first tokens out of the sample, the beginning-of-sequence token among them (models without one attend to whatever "
                + "comes first).", valueName: "number"), transform: Number.integer(from: 0))
    var skipFirst = 0

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A budget on the resident memory of the whole process, the model included, for example 512M or 2G: what does not fit waits in a "
                + "temporary file ($TMPDIR) or is computed again.", valueName: "size"))
    var memory: ByteCount?

    func validate() throws {
        if samples != nil && pooling != .all { throw ValidationError("--samples is of --pooling all, where tokens are samples") }
    }

    var options: CaptureOptions {
        var options = CaptureOptions(
            pooling: pooling, maximumTokens: length.maxTokens, skipsBeginning: skipBos, skippedTokens: skipFirst, memory: memory?.bytes)
        if let samples { options.samples = samples }
        return options
    }

    /// Refuses what captions of pictures do not have.
    /// - Parameter more: Other options of texts, and whether they were given.
    func refuseOptionsOfTexts(_ model: String, _ more: (option: String, isGiven: Bool)...) throws {
        let own = [
            ("--skip-bos", skipBos), ("--skip-first", skipFirst != 0), ("--max-tokens", length.maxTokens != LengthOption.standard),
            ("--pooling all", pooling == .all),
        ]
        if let option = (own + more).first(where: \.1)?.0 {
            throw MongeError.usage("\(option) is of language models, and \(model) draws pictures")
        }
    }
}

extension ByteCount: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// `--max-tokens`, where long sentences end.
struct LengthOption: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional, help: "Sentences are cut to this many tokens.", transform: Number.integer(from: 1))
    var maxTokens = LengthOption.standard

    static let standard = 128
}

extension CapturePooling: ExpressibleByArgument {}
extension Estimator: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
}
extension Estimation: ExpressibleByArgument {}
extension Position: ExpressibleByArgument {}
extension SpatialMode: ExpressibleByArgument {}
