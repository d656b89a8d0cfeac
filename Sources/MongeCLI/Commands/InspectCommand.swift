import ArgumentParser
import Foundation
import ModelFiles
import Monge
import Transport

/// `monge inspect`: what a file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows a model (architecture, sizes, types, sites) or a map (method, sites, statistics).")

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @Argument(help: "A model file or folder, a name from the cache, a map, or a file of activations.")
    var file: String

    mutating func run() throws {
        let url = try ModelCatalogue.locate(file)
        if url.pathExtension == "safetensors" {
            let file = try SafetensorsFile(path: url.path)
            if file.metadata["format"] == "monge-transport" { return try show(TransportMap(file)) }
            return try show(FileSummary(file))
        }
        try show(ModelSummary(url))
    }

    private func show(_ map: TransportMap) throws {
        let summary = MapSummary(map)
        if json { return try Output.json(summary) }
        print(summary.headline)
        Output.table(
            ["site", "neurons", "mean ω", "mean |β|", "finite support", "dead"],
            summary.sites.map {
                [
                    $0.name, String($0.neurons), Output.number($0.meanOmega, digits: 3), Output.number($0.meanAbsoluteBeta, digits: 4),
                    Output.number(100 * $0.boundedShare, digits: 0) + " %", String($0.deadNeurons),
                ]
            })
    }

    private func show(_ summary: FileSummary) throws {
        if json { return try Output.json(summary) }
        for (key, value) in summary.metadata.sorted(by: { $0.key < $1.key }) { print("\(key): \(value.prefix(100))") }
        Output.table(["tensor", "type", "shape"], summary.tensors.map { [$0.name, $0.type, "\($0.shape)"] })
    }

    private func show(_ summary: ModelSummary) throws {
        if json { return try Output.json(summary) }
        Output.table(["property", "value"], summary.properties)
        print()
        Output.table(
            ["type", "tensors", "MiB"],
            summary.types.map { [$0.type, String($0.tensors), Output.number(Double($0.bytes) / 1_048_576, digits: 1)] })
        print("\n\(summary.sites.count) sites, in execution order:")
        for site in summary.sites { print("  \(site.name) [\(site.channels)]") }
    }
}
