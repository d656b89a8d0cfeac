import ArgumentParser
import Monge

/// `--scheduler`, `--prediction` and `--spacing` of pictures.
struct SchedulerOptions: ParsableArguments {
    @Option(name: .long, help: "For pictures: another scheduler than the model's: \(PictureModel.schedulerNames.joined(separator: ", ")).")
    var scheduler: String?

    @Option(
        name: .long,
        help: "For pictures: what the model predicts, in the place of what its scheduler says: epsilon, v_prediction or sample.")
    var prediction: String?

    @Option(
        name: .long, help: "For pictures: where the steps lie in the schedule, in the place of what it says: leading, trailing or linspace."
    )
    var spacing: String?

    /// The options that were given.
    var given: [String] {
        [("--scheduler", scheduler != nil), ("--prediction", prediction != nil), ("--spacing", spacing != nil)].filter(\.1).map(\.0)
    }
}
