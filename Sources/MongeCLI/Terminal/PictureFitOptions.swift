import ArgumentParser
import Monge

/// How the pictures are drawn that a map is fitted for.
struct PictureFitOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional, help: "For pictures: the steps of the schedule whose first is captured (default: 20).",
        transform: Number.integer(in: 1...100_000))
    var steps: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "For pictures: how many of the steps are captured, evenly spread from the first on (default: 1). Beyond the first, each caption is drawn "
                + "up to them without maps, and each is a sample of its own.", valueName: "number"),
        transform: Number.integer(in: 1...100_000))
    var stepsCaptured: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: "For pictures: with --steps-captured, the scale of guidance that captions are drawn with (default: 7.5, for SDXL 5).",
        transform: Number.guidance)
    var guidance: Float?

    @OptionGroup var sampling: SchedulerOptions
    @OptionGroup var size: PictureSizeOptions

    @OptionGroup var parts: PicturePartsOptions

    /// The options that were given.
    var given: [String] {
        [
            ("--steps", steps != nil), ("--steps-captured", stepsCaptured != nil), ("--guidance", guidance != nil),
            ("--width", size.width != nil), ("--height", size.height != nil),
        ]
        .filter(\.1).map(\.0) + sampling.given + parts.given
    }

    /// Refuses what texts do not have.
    func refuse(_ model: String) throws {
        if let option = given.first { throw MongeError.usage("\(option) is of pictures, and \(model) is a language model") }
    }

    var options: PictureOptions {
        PictureOptions(
            steps: steps ?? 20, guidance: guidance, scheduler: sampling.scheduler, prediction: sampling.prediction,
            spacing: sampling.spacing, size: size.size)
    }
}
