import ArgumentParser
import Foundation
import Foundations
import ModelFiles
import Monge
import Transport

/// `--steer`, `--strengths`, `--together`, `--inverse`: the maps that are compared.
struct SeriesOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .upToNextOption,
        help: ArgumentHelp(
            "Maps to compare, each at its own strengths where they are named, else at those of --strengths.",
            valueName: "file[@λ,λ…]"))
    var steer: [String] = []

    @Option(name: .long, parsing: .unconditional, help: "The strengths; the model as it is belongs to all.", transform: Number.strengths)
    var strengths = Strengths([0.25, 0.5, 0.75, 1])

    @Flag(name: .long, help: "All maps of --steer act together, in their order, at --strengths.")
    var together = false

    @Flag(name: .long, help: "Use the inverse of every map: from target to source.")
    var inverse = false

    func validate() throws {
        if together && steer.count < 2 { throw ValidationError("--together is for several maps, and --steer names \(steer.count)") }
    }

    /// What stands for the number of a fold in the name of a map.
    private static let foldMark = "{fold}"

    private struct Entry {
        var path: String
        var strengths: [Float]?
    }

    private static func entry(_ text: String) throws -> Entry {
        guard let at = text.lastIndex(of: "@"), !FileManager.default.fileExists(atPath: text) else { return Entry(path: text) }
        let path = String(text[..<at])
        do {
            return Entry(path: path, strengths: try Number.strengths(String(text[text.index(after: at)...])).values)
        } catch { throw MongeError.usage("--steer \(text): \(error)") }
    }

    /// The paths of a map: one, or one for each fold.
    private static func paths(_ path: String) -> [String] {
        path.contains(foldMark) ? ["1", "2"].map { path.replacing(foldMark, with: $0) } : [path]
    }

    var inputs: [NamedFile?] {
        steer.flatMap { Self.paths((try? Self.entry($0))?.path ?? $0) }.map { NamedFile("--steer", $0) }
    }

    /// - Parameter hasFolds: Whether maps of two folds are known here.
    func series(hasFolds: Bool = false) throws -> [EvaluationSeries] {
        let entries = try steer.map(Self.entry)
        guard !together else {
            if let own = entries.first(where: { $0.strengths != nil }) {
                throw MongeError.usage("\(own.path) has strengths of its own, and --together has one for all; give --strengths")
            }
            let sets = entries.map { Self.paths($0.path) }
            let folds = sets.map(\.count).max()!
            let loaded = try (0..<folds).map { fold in try load(sets.map { $0[$0.count == 1 ? 0 : fold] }, hasFolds) }
            return [
                EvaluationSeries(
                    name: names(entries.map(\.path)).joined(separator: " + "), folds: loaded.map(\.maps), strengths: strengths.values,
                    identity: loaded.map(\.hash).joined(separator: ","))
            ]
        }
        return try zip(entries, names(entries.map(\.path))).map { entry, name in
            let loaded = try Self.paths(entry.path).map { try load([$0], hasFolds) }
            return EvaluationSeries(
                name: name, folds: loaded.map(\.maps), strengths: entry.strengths ?? strengths.values,
                identity: loaded.map(\.hash).joined(separator: ","))
        }
    }

    private func load(_ paths: [String], _ hasFolds: Bool) throws -> (maps: [TransportMap], hash: String) {
        var hash = FNVHash()
        let maps = try paths.map { path in
            if path.contains(Self.foldMark) || !hasFolds && steer.contains(where: { $0.contains(Self.foldMark) }) {
                throw MongeError.usage(
                    "\(Self.foldMark) in the name of a map is for `monge evaluate truthfulqa`, whose questions come in folds")
            }
            let map = try SteerOptions.map(path, inverse: inverse)
            let file = try MappedFile(path: path)
            withExtendedLifetime(file) { hash.add(file.bytes) }
            return map
        }
        if inverse { hash.add(unit: 1) }
        return (maps, hash.text)
    }

    /// Names without folders and suffixes where these tell maps apart.
    private func names(_ paths: [String]) -> [String] {
        let short = paths.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
        let unlike = Set(short).count == short.count && !short.contains(EvaluationVariant.unsteered)
        return unlike ? short : paths
    }
}
