import Foundation
import Testing

/// Maps between clusters as they are asked for, looked at, and refused.
@Suite struct ClusterCommandTests {
    private static let source = [
        "Rain fell on the town.", "She bought bread.", "A train left at noon.", "He reads a book.", "The river is cold.",
    ]
    private static let target = [
        "The striker scored a goal.", "Our team won the match.", "Fans sang in the stadium.", "The coach praised the defence.",
        "A penalty decided it.",
    ]

    private func fit(_ folder: Folder, _ arguments: [String]) throws -> [String] {
        let source = try folder.file("source.txt", Self.source.joined(separator: "\n"))
        let target = try folder.file("target.txt", Self.target.joined(separator: "\n"))
        return [
            "fit", "-m", "smollm2", "-d", "cpu", "--source", source, "--target", target, "--sites", "model.norm", "-o",
            folder.path("map.safetensors"),
        ] + arguments
    }

    @Test func clustersAreFittedAndShown() throws {
        let folder = try Folder()
        let fitted = try Monge.run(fit(folder, ["--method", "chars", "--clusters", "2", "--entropy", "0"]))
        #expect(fitted.code == 0 && fitted.errors.contains("2 to 2 source clusters"), "\(fitted.errors)")
        let shown = try Monge.run(["inspect", folder.path("map.safetensors")])
        #expect(shown.output.contains("chars map, causal") && shown.output.contains("clusters"), "\(shown.output)")
        let generated = try Monge.run([
            "generate", "-m", "smollm2", "-d", "cpu", "-n", "3", "-p", "On Sunday", "--steer", folder.path("map.safetensors"),
        ])
        #expect(generated.code == 0, "\(generated.errors)")
        let halved = try Monge.run(["convert", folder.path("map.safetensors"), folder.path("half.safetensors"), "--strength", "0.5"])
        #expect(halved.code == 0, "\(halved.errors)")
        let vector = try Monge.run(["convert", folder.path("map.safetensors"), folder.path("map.gguf")])
        #expect(vector.code == 1 && vector.errors.contains("clusters at model.norm"), "\(vector.errors)")
        // Five sentences bear out one cluster.
        let chosen = try Monge.run(fit(folder, ["--method", "chars", "--clusters", "auto"]))
        #expect(chosen.code == 0 && chosen.errors.contains("1 to 1 source clusters"), "\(chosen.errors)")
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let folder = try Folder()
        for (arguments, mention) in [
            (["--method", "mean", "--clusters", "2"], "--clusters"), (["--entropy", "0.1"], "--entropy"),
            (["--method", "chars", "--clusters", "17"], "17"), (["--method", "chars", "--clusters", "0"], "--clusters"),
            (["--method", "chars", "--entropy", "-1"], "0.001"), (["--method", "chars", "--entropy", "0.0005"], "0.001"),
            (["--method", "chars", "--clusters", "6"], "at least as many samples"), (["--method", "chars", "--gate"], "--gate"),
            (["--method", "chars", "--support", "q_0_100"], "--support"), (["--method", "chars", "--units", "2"], "--units"),
            (["--method", "chars", "--spatial", "channelMean"], "--spatial pointwise"),
            (["--method", "chars", "--memory", "900M"], "--memory"),
        ] as [([String], String)] {
            let result = try Monge.run(fit(folder, arguments))
            #expect(result.code != 0 && result.errors.contains(mention), "\(arguments): \(result.errors)")
        }
    }
}
