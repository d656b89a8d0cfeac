import Models
import Tensors
import Transport

extension Model {
    /// Fits the gates of a map: at each of its sites a probe of source against target tokens, on the untouched model.
    ///
    /// - Parameters:
    ///   - tokens: At most this many of a side, drawn with the seed.
    ///   - options: Those of the map.
    func addGates(
        to map: inout TransportMap, source: [String], target: [String], tokens: Int, options: FitOptions, progress: ProgressHandler?,
        warn: (String) -> Void
    ) throws {
        var options = options
        options.capture.pooling = .all
        options.capture.samples = tokens
        let sides = try [("source sentence", source), ("target sentence", target)].enumerated().map { index, side in
            let set = try CalibrationSet(side.1, maximumTokens: options.capture.maximumTokens, model: self)
            return try CalibrationSide(side.0, side.1, set, options: options, seed: options.seed &+ UInt64(index), model: self)
        }
        for side in sides where side.count < LogisticProbe.minimumSamples {
            throw MongeError.usage(
                "a gate needs at least \(LogisticProbe.minimumSamples) tokens a side, and the \(side.kind)s have \(side.count)")
        }
        let byName = Dictionary(uniqueKeysWithValues: language.sites.map { ($0.name, $0) })
        let sites = map.sites.map { byName[$0.name]! }
        let calibration = Calibration(model: language, sites: sites, unit: "tokens")
        let sizes = sites.map { site in sides.reduce(0) { $0 + $1.bytesPerChannel } * site.channels }
        var done = 0
        // As many passes over the sentences as keep the samples in bounds.
        for wave in Model.groups(sizes, rows: Self.gateSampleBytes) {
            let captured = try sides.map {
                try calibration.capture($0, sites: Array(sites[wave]), pooling: SamplePooling(options))
            }
            for (offset, index) in wave.enumerated() {
                map.sites[index].gate = TokenGate(
                    source: try backend.readFloats(captured[0][offset].values), target: try backend.readFloats(captured[1][offset].values),
                    channels: sites[index].channels, seed: options.seed)
                done += 1
                try progress?(Progress(activity: "fitting gates", done: done, total: sites.count, unit: "sites"))
            }
        }
        let accuracies = map.sites.compactMap { $0.gate?.accuracy }.sorted()
        if let median = accuracies.isEmpty ? nil : accuracies[accuracies.count / 2], median < 0.6 {
            warn(
                "the gates tell held-out tokens apart with a balanced accuracy of \(Percent(median)) (median of \(accuracies.count) sites), little better "
                    + "than a guess: tokens will feel about the same strength whatever they are")
        }
    }

    /// Samples of tokens that are in memory together.
    private static let gateSampleBytes = 256 << 20
}
