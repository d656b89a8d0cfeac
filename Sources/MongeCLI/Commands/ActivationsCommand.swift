import ArgumentParser
import Foundation
import Monge

/// `monge activations`: pooled activations of chosen sites, one tensor a site.
struct ActivationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activations", abstract: "Captures pooled activations: one tensor [samples, channels] a site.")

    @OptionGroup var model: ModelOptions

    @OptionGroup var sentences: SentencesOption
    @OptionGroup var capture: CaptureOptionGroup
    @OptionGroup var steering: SteerOptions

    @Option(name: .shortAndLong, help: "The safetensors file to write.")
    var out: String

    func validate() throws {
        if capture.sites.isEmpty { throw ValidationError("--sites is missing; for all layer norms: --sites '.*layernorm' 'model\\.norm'") }
    }

    mutating func run() throws {
        try NamedFile.check(
            outputs: [NamedFile("--out", out)], inputs: model.inputs + sentences.inputs + steering.inputs)
        let sentences = try sentences.read()
        let steering = try steering.steering()
        let model = try model.load()
        let activations = try ProgressBar.during { bar in
            try model.activations(
                of: sentences, sites: capture.sites, options: capture.options, steering: steering, progress: bar.update,
                warn: Terminal.warning)
        }
        try ActivationsFile(activations, model: model, options: capture.options).write(to: URL(fileURLWithPath: out))
        Terminal.message("wrote \(out): \(activations.count) sites, \(sentences.count) samples")
    }
}
