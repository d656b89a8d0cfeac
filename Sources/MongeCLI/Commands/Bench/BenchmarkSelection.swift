import ArgumentParser
import Benchmarks
import CrossCheck
import Monge

/// `--op`, `--sizes` and `--matching`: which of the benchmarks of kernels.
struct BenchmarkSelection: ParsableArguments {
    @Option(name: .long, parsing: .upToNextOption, help: ArgumentHelp("Operations; all when left out.", valueName: "name"))
    var op: [String] = []

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Sizes of these models: 135M, 8B, 'SD 1.5', SDXL, FLUX; all when left out.", valueName: "name"))
    var sizes: [String] = []

    @Option(name: .long, help: ArgumentHelp("Only benchmarks whose shapes contain this.", valueName: "text"))
    var matching: String?

    func validate() throws {
        let known = CrossCheck.operations.map(\.name)
        for name in op where !known.contains(name) {
            throw ValidationError("there is no operation '\(name)'; there are \(known.joined(separator: ", "))")
        }
        for name in sizes where !ModelClass.allCases.contains(where: { $0.rawValue.lowercased() == name.lowercased() }) {
            let all = ModelClass.allCases.map { "'\($0)'" }.joined(separator: ", ")
            throw ValidationError("there are no sizes of '\(name)'; there are those of \(all)")
        }
    }

    /// - Throws: ``MongeError/usage(_:)`` when there is none.
    func benchmarks() throws -> [KernelBenchmark] {
        let models = ModelClass.allCases.filter { model in sizes.contains { $0.lowercased() == model.rawValue.lowercased() } }
        let benchmarks = KernelBenchmark.all.filter { benchmark in
            (op.isEmpty || op.contains(benchmark.operation)) && (sizes.isEmpty || models.contains(benchmark.model))
                && (matching.map { benchmark.shapes.contains($0) } ?? true)
        }
        guard !benchmarks.isEmpty else {
            throw MongeError.usage("no benchmark is asked for: none has these operations, sizes and shapes together")
        }
        return benchmarks
    }
}
