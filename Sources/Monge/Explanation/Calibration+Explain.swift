import Models
import Tensors
import Transport

extension Calibration {
    /// One side of a measurement: its batches, and which of their rows count.
    struct ExplainedSide {
        var side: CalibrationSide
        /// The rows of each batch that are part of a sample and that the map acts on.
        var rows: [[Int]]

        /// - Parameters:
        ///   - kind: "source sentence", for messages.
        ///   - seed: Of the draw of tokens, where every token is a sample.
        ///   - encode: Gives a sentence's tokens; nil for those of a text as it is.
        init(
            _ kind: String, _ sentences: [String], options: FitOptions, seed: UInt64, model: Model,
            encode: ((String) throws -> [Int32])? = nil, warn: (String) -> Void
        ) throws {
            let set = try CalibrationSet(
                sentences, maximumTokens: options.capture.maximumTokens, model: model, encode: encode)
            model.reportCuts(set.cutCount, of: set.count, kind + "s", maximumTokens: options.capture.maximumTokens, warn: warn)
            side = try CalibrationSide(kind, sentences, set, options: options, seed: seed, model: model)
            let pooling = SamplePooling(options)
            rows = set.batches.map { batch in
                var first = 0
                return batch.tokens.flatMap { tokens in
                    defer { first += tokens.count }
                    let skipped = pooling.skipped(tokens, beginning: model.tokenizer.beginOfSequence)
                    return Array(first + (options.position == .last ? tokens.count - 1 : skipped)..<first + tokens.count)
                }
            }
        }
    }

    /// The samples of a site before and after its map.
    struct MappedSamples {
        var before: SiteSamples
        var after: SiteSamples
    }

    /// Takes sides through the model with a map in place, all batches in step from site to site.
    ///
    /// - Parameters:
    ///   - steer: The map, of whose sites this calibration is.
    ///   - explain: Receives a site of the map, the samples of each side, and how the tokens of the first side move.
    func follow(
        _ steer: Steer, _ sides: [ExplainedSide], options: FitOptions,
        explain: (_ site: TransportMap.Site, _ samples: [MappedSamples], _ tokens: TokenMovement) throws -> Void
    ) throws {
        let pooling = SamplePooling(options)
        let maps = Dictionary(uniqueKeysWithValues: steer.map.sites.map { ($0.name, $0) })
        let strengths = try backend.upload([steer.strength])
        var samples: [MappedSamples] = []
        var installed: SiteMap?
        var tokens: TokenMovement?
        try inStep(sides.map(\.side), at: steer.strength, waitingIn: WaitingTensors(capacity: .max, on: backend)) {
            site, index, batch, x, plan in
            let map = maps[site.name]!
            let own = try installed ?? SiteMap(map, on: backend)
            installed = own
            let side = sides[index].side
            let pass = side.passes[batch]
            let y = try backend.transport(x, by: pass.application(of: own, strengths: strengths))
            if samples.count == index {
                func empty() throws -> SiteSamples { try SiteSamples(side, channels: site.channels, on: backend) }
                samples.append(MappedSamples(before: try empty(), after: try empty()))
            }
            try samples[index].before.add(x, batch: batch, samples: pass.samples, pooling: pooling, plan, on: backend)
            try samples[index].after.add(y, batch: batch, samples: pass.samples, pooling: pooling, plan, on: backend)
            guard index == 0 else { return }
            var moved = tokens ?? TokenMovement(map.map)
            // One owner at a time: the arrays are not copied.
            tokens = nil
            moved.add(try backend.readFloats(x), try backend.readFloats(y), rows: sides[0].rows[batch])
            tokens = moved
        } arrived: { site in
            for (side, samples) in zip(sides, samples) {
                for own in [samples.before, samples.after] { try side.side.requireFinite(own, site: site, steering: [steer], on: backend) }
            }
            try explain(maps[site.name]!, samples, tokens!)
            defer { (samples, installed, tokens) = ([], nil, nil) }
            return maps[site.name]!
        }
    }
}
