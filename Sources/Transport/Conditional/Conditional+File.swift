import Foundation
import ModelFiles
import Tensors

/// What the file of a map says of its condition and its gates.
extension Condition {
    /// Everything but the plane, as JSON in the metadata.
    private struct Description: Codable {
        var site: String
        var threshold: Float
        var side: Side
        var pooling: String
        var skippedTokens: Int
        var accuracy: Double
        var sourceName: String
        var targetName: String
        var sourceCount: Int
        var targetCount: Int
    }

    var entries: [SafetensorsWriter.Entry] {
        [("condition.direction", direction), ("condition.centre", centre)].map {
            SafetensorsWriter.Entry(name: $0, shape: [channels], floats: $1)
        }
    }

    var metadata: String {
        get throws {
            try Self.json(
                Description(
                    site: site, threshold: threshold, side: side, pooling: pooling.rawValue, skippedTokens: skippedTokens,
                    accuracy: accuracy, sourceName: sourceName, targetName: targetName, sourceCount: sourceCount, targetCount: targetCount))
        }
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The condition of a map's file; nil where it has none.
    init?(_ file: SafetensorsFile) throws {
        guard let text = file.metadata["condition"] else {
            if file.contains(tensor: "condition.direction") {
                throw TransportFileError.damaged("it has a condition's direction, and nothing in its metadata that says when it is met")
            }
            return nil
        }
        func damaged(_ detail: String) -> TransportFileError { .damaged("its condition \(detail)") }
        guard let read = try? JSONDecoder().decode(Description.self, from: Data(text.utf8)) else {
            throw damaged("is not described as one is: '\(text.prefix(80))'")
        }
        guard let pooling = Pooling(rawValue: read.pooling) else { throw damaged("pools tokens by '\(read.pooling)', which is not known") }
        let direction = try TransportMap.vector("condition.direction", in: file)
        let centre = try TransportMap.vector("condition.centre", in: file)
        guard direction.count == centre.count, !direction.isEmpty else {
            throw damaged("has a direction of \(direction.count) neurons and a centre of \(centre.count)")
        }
        guard (direction + centre + [read.threshold]).allSatisfy(\.isFinite) else { throw damaged("holds values that are not numbers") }
        let length = direction.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard abs(length - 1) < 1e-3 else { throw damaged("has a direction of length \(length), where 1 is expected") }
        guard (0...1).contains(read.accuracy), min(read.skippedTokens, read.sourceCount, read.targetCount) >= 0 else {
            throw damaged("has an accuracy of \(read.accuracy), or a number of tokens or prompts below 0")
        }
        self.init(
            site: read.site, direction: direction, centre: centre, threshold: read.threshold, side: read.side, pooling: pooling,
            skippedTokens: read.skippedTokens, accuracy: read.accuracy, sourceName: read.sourceName, targetName: read.targetName,
            sourceCount: read.sourceCount, targetCount: read.targetCount)
    }
}

extension TransportMap {
    var gateEntries: [SafetensorsWriter.Entry] {
        sites.compactMap { site in
            site.gate.map { SafetensorsWriter.Entry(name: "\(site.name).gate", shape: [$0.weights.count], floats: $0.weights) }
        }
    }

    /// By site: everything of a gate but its weights.
    var gateMetadata: String {
        get throws {
            let gated = sites.compactMap { site in
                site.gate.map { (site.name, TokenGate.Description(intercept: $0.intercept, accuracy: $0.accuracy)) }
            }
            return try Condition.json(Dictionary(uniqueKeysWithValues: gated))
        }
    }
}

extension TokenGate {
    /// Everything but the weights, as JSON in the metadata.
    struct Description: Codable {
        var intercept: Float
        var accuracy: Double
    }

    /// What a map's file says of its gates, by site.
    static func described(in file: SafetensorsFile) throws -> [String: Description] {
        guard let text = file.metadata["gates"] else { return [:] }
        guard let read = try? JSONDecoder().decode([String: Description].self, from: Data(text.utf8)), !read.isEmpty else {
            throw TransportFileError.damaged("its metadata says gates = '\(text.prefix(80))'")
        }
        return read
    }

    /// - Parameter channels: The neurons of the site's map.
    init(_ description: Description, site: String, channels: Int, in file: SafetensorsFile) throws {
        let weights = try TransportMap.vector("\(site).gate", in: file)
        guard weights.count == channels else {
            throw TransportFileError.damaged("the gate of \(site) has \(weights.count) neurons, its map \(channels)")
        }
        guard (weights + [description.intercept]).allSatisfy(\.isFinite), (0...1).contains(description.accuracy) else {
            throw TransportFileError.damaged("the gate of \(site) holds values that are not numbers, or no accuracy")
        }
        self.init(weights: weights, intercept: description.intercept, accuracy: description.accuracy)
    }
}
