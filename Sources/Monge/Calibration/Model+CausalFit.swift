import Foundation
import Models
import Tensors
import Transport

/// Sentences of one side of a fit.
struct FitSide {
    /// "source sentence" or "target sentence", for messages.
    let kind: String
    let sentences: [String]
    let set: CalibrationSet
    let passes: [CalibrationPass]

    init(_ kind: String, _ sentences: [String], options: FitOptions, pooling: SamplePooling, model: Model) throws {
        self.kind = kind
        self.sentences = sentences
        set = try CalibrationSet(sentences, maximumTokens: options.capture.maximumTokens, model: model)
        passes = try set.batches.map {
            try CalibrationPass($0, pooling: pooling, position: options.position, spatial: options.spatial, model: model)
        }
    }
}

extension Model {
    /// One forward pass of all batches in step: at each site, capture, fit, apply at λ = 1, go on.
    ///
    /// Sites are taken in the order in which the passes come to them.
    func causally(
        _ sides: [FitSide], sites: [Site], options: FitOptions, plan: MemoryPlan?, notice: (String) -> Void,
        fitted: (Site, _ source: Tensor, _ target: Tensor) throws -> TransportMap
    ) throws {
        let pooling = SamplePooling(options.capture)
        let samplesPerChannel = sides.reduce(0) { $0 + SiteSamples.bytesPerChannel($1.set) }
        let largestSamples = samplesPerChannel * sites.map(\.channels).max()!
        let store = WaitingTensors(capacity: plan.map { $0.available - largestSamples } ?? .max, on: backend)
        if let plan {
            try plan.require(largestSamples)
            try plan.apply(to: backend)
            notice(
                "of \(ByteCount(options.capture.memory!)), the program and the model take \(ByteCount(plan.fixed)), a batch while it runs "
                    + "\(ByteCount(plan.temporaries)), the samples of a site \(ByteCount(largestSamples)); \(ByteCount(store.capacity)) of "
                    + "what waits between sites stay in memory, the rest goes to a temporary file")
        }
        let strengths = try backend.upload([Float(1)])
        var remaining = Set(sites.map(\.index))
        var earlier = [Steer]()
        while !remaining.isEmpty {
            var reached: Site?
            var samples = [SiteSamples]()
            for (side, data) in sides.enumerated() {
                for (index, pass) in data.passes.enumerated() {
                    try pass.advance(toFirstOf: Array(remaining), waitingIn: store) { site, activation, rows in
                        guard reached == nil || reached == site else {
                            throw MongeError.failed("batches come to \(reached!.name) and to \(site.name) at once: no order of sites")
                        }
                        reached = site
                        if samples.count == side {
                            samples.append(try SiteSamples(data.set, channels: site.channels, on: self.backend))
                        }
                        try samples[side].add(
                            activation, batch: index, samples: pass.samples, pooling: pooling, rows, on: self.backend)
                    }
                }
            }
            let site = reached!
            for (data, samples) in zip(sides, samples) {
                try requireFinite(samples, of: data.set, sentences: data.sentences, kind: data.kind, site: site, steering: earlier)
            }
            let maps = try fitted(site, samples[0].values, samples[1].values)
            earlier = [maps.at(1)]
            let identity = AffineMap.identity(channels: site.channels)
            let table = try backend.upload(identity.interleaved + maps.sites.last!.map.interleaved, [2, site.channels, 4])
            for pass in sides.flatMap(\.passes) { pass.install(table, strengths: strengths, at: site) }
            remaining.remove(site.index)
        }
        if let file = store.file {
            notice(
                "\(ByteCount(file.bytesWritten)) were written to a temporary file in \(file.folder) and \(ByteCount(file.bytesRead)) read "
                    + "from it, in \(String(format: "%.0f", store.secondsMoving)) s; it grew to \(ByteCount(file.size))")
        }
    }
}
