import FileSystem
import Foundation
import ModelFiles
import Monge
import Synchronization
import Transport

/// The maps that requests name: those of a folder, which can be added to and taken from, and those that the server was started with.
///
/// A map that was added is on disk, whole, before anybody is told so, and is there again after a restart.
final class MapLibrary: Sendable {
    struct Entry: Sendable {
        var name: String
        var map: TransportMap
        var summary: MapSummary
        var url: URL
        var bytes: Int
        var created: Date
        /// Whether it stays: named when the server was started.
        var isFixed: Bool

        /// What `monge evaluate --json` wrote beside the map, of this map and not of one before it; nil for nothing.
        var evaluation: URL? {
            let url = url.deletingPathExtension().appendingPathExtension("json")
            guard let written = MapLibrary.date(of: url), written >= created else { return nil }
            return url
        }
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// Maps without some of their sites, by the pattern of those that are left.
        var parts: [String: [String: TransportMap]] = [:]
    }

    let folder: URL
    private let state = Mutex(State())
    /// Held while files change.
    private let writing = Mutex(())

    /// Patterns of sites that are remembered for a map.
    private static let rememberedParts = 16

    /// - Parameters:
    ///   - folder: Made when it is not there.
    ///   - fixed: Maps by name, from files anywhere.
    ///   - warn: Told, in a sentence, of files in the folder that are no maps.
    init(folder: URL, fixed: [(name: String, file: String)], warn: (String) -> Void) throws {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw MongeError.usage("the folder of maps \(folder.path) cannot be made: \(error.localizedDescription)")
        }
        Self.removeRemains(in: folder)
        var entries: [String: Entry] = [:]
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        where file.pathExtension == "safetensors" {
            let name = file.deletingPathExtension().lastPathComponent
            guard Self.isName(name) else {
                warn(
                    "\(file.path) is left out: a map's name has 1 to 64 letters, digits, '-', '_' and '.', and does not begin with a point")
                continue
            }
            do {
                entries[name] = try Self.read(file, name: name, isFixed: false)
            } catch {
                warn("\(file.path) is left out: \(error)")
            }
        }
        for (name, file) in fixed {
            guard Self.isName(name) else {
                throw MongeError.usage(
                    "'\(name)' is no name for a map: 1 to 64 letters, digits, '-', '_' and '.', not beginning with a point")
            }
            guard entries[name] == nil else { throw MongeError.usage("two maps are called '\(name)'") }
            do {
                entries[name] = try Self.read(URL(fileURLWithPath: file), name: name, isFixed: true)
            } catch let error as TransportFileError {
                throw MongeError.failed("\(file): \(error)")
            }
        }
        state.withLock { $0.entries = entries }
    }

    /// Removes what processes have left that ended in the middle of writing: `.monge-PROCESS-NUMBER.partial`.
    private static func removeRemains(in folder: URL) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            guard let match = name.wholeMatch(of: #/\.monge-(\d+)-\d+\.partial/#), let process = pid_t(match.1), kill(process, 0) != 0,
                errno == ESRCH
            else { continue }
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    static func isName(_ name: String) -> Bool { name.isPlainName && !name.hasPrefix(".") }

    private static func date(of url: URL) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }

    private static func read(_ url: URL, name: String, isFixed: Bool) throws -> Entry {
        let map = try TransportMap(contentsOf: url)
        let size = (try? FileManager.default.attributesOfItem(atPath: url.path))?[.size] as? Int
        return Entry(
            name: name, map: map, summary: MapSummary(map), url: url, bytes: size ?? 0, created: date(of: url) ?? Date(), isFixed: isFixed)
    }

    /// In the order of their names.
    var entries: [Entry] { state.withLock { $0.entries.values.sorted { $0.name < $1.name } } }

    func entry(_ name: String) throws -> Entry {
        guard let entry = state.withLock({ $0.entries[name] }) else {
            throw ServerError.notFound(
                "there is no map '\(name.prefix(64))'; GET /v1/maps lists those that there are", code: "map_not_found")
        }
        return entry
    }

    /// The bytes of a map's file, or of its evaluation.
    func contents(of file: URL, _ name: String) throws -> Data {
        do {
            return try writing.withLock { _ in try Data(contentsOf: file) }
        } catch {
            // It was taken out since it was looked up, or from outside.
            throw ServerError.notFound("the file of the map '\(name)' is not there any more", code: "map_not_found")
        }
    }

    /// Takes in a map's file.
    /// - Returns: The map, and whether it took the place of one of the same name.
    func add(_ name: String, bytes: [UInt8]) throws -> (entry: Entry, isReplaced: Bool) {
        try checkName(name)
        // Before anything is on disk.
        let map: TransportMap
        do {
            map = try TransportMap(SafetensorsFile(MappedFile(contents: bytes, name: "the body")))
        } catch ModelFileError.otherKind(_, let found, _) {
            throw ServerError(.badRequest, "the body is \(found.name), expected the file of a map, in safetensors", code: "bad_map")
        }
        return try put(name, map, bytes)
    }

    /// Takes in a map that was fitted.
    func add(_ name: String, _ map: TransportMap) throws -> Entry {
        try checkName(name)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        try map.write(to: file)
        return try put(name, map, [UInt8](Data(contentsOf: file))).entry
    }

    func checkName(_ name: String) throws {
        guard Self.isName(name) else {
            throw ServerError.field(
                "name", "'\(name.prefix(64))' is no name for a map: 1 to 64 letters, digits, '-', '_' and '.', not beginning with a point")
        }
        if state.withLock({ $0.entries[name]?.isFixed }) == true {
            throw ServerError(.conflict, "the map '\(name)' was named when the server was started, and stays as it is: choose another name")
        }
    }

    private func put(_ name: String, _ map: TransportMap, _ bytes: [UInt8]) throws -> (entry: Entry, isReplaced: Bool) {
        try writing.withLock { _ in
            let url = folder.appendingPathComponent("\(name).safetensors")
            try OutputFile(url.path).write(bytes)
            let entry = Entry(
                name: name, map: map, summary: MapSummary(map), url: url, bytes: bytes.count, created: Self.date(of: url) ?? Date(),
                isFixed: false)
            let isReplaced = state.withLock { state in
                state.parts[name] = nil
                return state.entries.updateValue(entry, forKey: name) != nil
            }
            return (entry, isReplaced)
        }
    }

    /// Takes out a map; requests that have it go on with it.
    func remove(_ name: String) throws {
        try writing.withLock { _ in
            // Of two who take it out at once, the second finds it gone.
            let entry = try entry(name)
            guard !entry.isFixed else {
                throw ServerError(.conflict, "the map '\(name)' was named when the server was started, and stays as long as it runs")
            }
            try FileManager.default.removeItem(at: entry.url)
            state.withLock { state in
                state.entries[name] = nil
                state.parts[name] = nil
            }
        }
    }

    /// The map of a name, with those of its sites that a pattern matches in full.
    func map(_ name: String, sites pattern: String?, field: String) throws -> TransportMap {
        guard let entry = state.withLock({ $0.entries[name] }) else {
            throw ServerError(
                .notFound, "there is no map '\(name.prefix(64))'; GET /v1/maps lists those that there are", parameter: field,
                code: "map_not_found")
        }
        guard let pattern else { return entry.map }
        if let part = state.withLock({ $0.parts[name]?[pattern] }) { return part }
        let names = try Set(
            SitePattern.names(among: entry.map.sites.map(\.name), matching: [pattern], field: field, of: "the map '\(name)'"))
        var part = entry.map
        part.sites = part.sites.filter { names.contains($0.name) }
        state.withLock { state in
            if state.parts[name, default: [:]].count >= Self.rememberedParts { state.parts[name] = [:] }
            state.parts[name, default: [:]][pattern] = part
        }
        return part
    }

    /// The steering of a text.
    func steering(_ steers: [NamedSteer], multipliedBy factor: Float = 1) throws -> [ScheduledSteer] {
        try steers.enumerated().map { index, steer in
            let map = try map(steer.map, sites: steer.sites, field: "steering[\(index)].\(steer.sites == nil ? "map" : "sites")")
            return ScheduledSteer(map.at(steer.strength * factor), steer.schedule)
        }
    }

    /// The steering of a picture.
    func pictureSteering(_ steers: [NamedSteer], multipliedBy factor: Float = 1) throws -> [PictureSteer] {
        try steers.enumerated().map { index, steer in
            let map = try map(steer.map, sites: steer.sites, field: "steering[\(index)].\(steer.sites == nil ? "map" : "sites")")
            return PictureSteer(map.at(steer.strength * factor), range: steer.range, half: steer.half)
        }
    }
}
