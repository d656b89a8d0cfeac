import ArgumentParser
import Foundation
import ModelFiles
import Monge
import Transport

/// `monge inspect`: what a file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows a model (architecture, sizes, types, sites), a map (method, sites, statistics), or what another file is.")

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @Argument(help: "A model file or folder, a name from the cache, a map, or any other file.")
    var file: String

    mutating func run() throws {
        let url = try ModelCatalogue.locate(file)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
            return try show(ModelSummary(url))
        }
        // What a file is called says little: its contents decide.
        let file = try MappedFile(path: url.path)
        if FileKind.isGGUF(file) { return try show(ModelSummary(url)) }
        guard FileKind.mayBeSafetensors(file) else { return try show(OtherFileSummary(file)) }
        let tensors = try SafetensorsFile(file)
        if FileKind(tensors) == .map { return try show(TransportMap(tensors)) }
        try show(FileSummary(tensors))
    }

    private func show(_ summary: OtherFileSummary) throws {
        if json { return try Output.json(summary) }
        let lines = summary.lines.map { ", \($0) \($0 == 1 ? "line" : "lines")" } ?? ""
        try Output.line("\(summary.kind), \(summary.bytes) bytes\(lines)" + (summary.use.map { "; \($0)" } ?? ""))
    }

    private func show(_ map: TransportMap) throws {
        let summary = MapSummary(map)
        if json { return try Output.json(summary) }
        try Output.line(summary.headline)
        if let line = summary.conditionLine { try Output.line(line) }
        try Output.table(
            ["site", "neurons", "mean ω", "mean |β|", "finite support", "dead"] + (map.isGated ? ["gate"] : [])
                + (map.hasClusters ? ["clusters"] : []),
            summary.sites.map {
                [
                    $0.name, String($0.neurons), Output.number($0.meanOmega, digits: 3), Output.number($0.meanAbsoluteBeta, digits: 4),
                    Output.number(100 * $0.boundedShare, digits: 0) + " %", String($0.deadNeurons),
                ] + (map.isGated ? [$0.gateAccuracy.map { "\(Percent($0))" } ?? "–"] : [])
                    + (map.hasClusters ? [$0.clusters.map(String.init) ?? "–"] : [])
            })
    }

    private func show(_ summary: FileSummary) throws {
        if json { return try Output.json(summary) }
        try Output.line(summary.kind + (summary.use.map { "; \($0)" } ?? ""))
        for (key, value) in summary.metadata.sorted(by: { $0.key < $1.key }) { try Output.line("\(key): \(value.prefix(100))") }
        try Output.table(["tensor", "type", "shape"], summary.tensors.map { [$0.name, $0.type, "\($0.shape)"] })
    }

    private func show(_ summary: ModelSummary) throws {
        if json { return try Output.json(summary) }
        try Output.table(["property", "value"], summary.properties)
        try Output.line()
        try Output.table(
            ["type", "tensors", "MiB"],
            summary.types.map { [$0.type, String($0.tensors), Output.number(Double($0.bytes) / 1_048_576, digits: 1)] })
        if let components = summary.components {
            func size(_ bytes: Int) -> String { Output.number(Double(bytes) / 1_048_576, digits: 1) }
            try Output.line()
            try Output.table(
                ["weights of", "MiB as stored", "--weights q8_0", "--weights q4_K"],
                components.map { [$0.component, size($0.stored), size($0.q8_0), size($0.q4_K)] })
        }
        try Output.line("\n\(summary.sites.count) sites, in execution order:")
        for site in summary.sites { try Output.line("  \(site.name) [\(site.channels)]") }
    }
}
