import Foundation
import Models
import Tensors
import Transport

extension Calibration {
    /// One forward pass of all batches in step: at each site, capture, fit, apply at λ = 1, go on.
    ///
    /// Sites are taken in the order in which the passes come to them.
    func causally(
        _ sides: [CalibrationSide], options: FitOptions, plan: MemoryPlan?, notice: (String) -> Void,
        fitted: (Site, _ source: Tensor, _ target: Tensor) throws -> TransportMap
    ) throws {
        let pooling = SamplePooling(options)
        let largestSamples = sides.reduce(0) { $0 + $1.bytesPerChannel } * sites.map(\.channels).max()!
        var plan = plan
        try plan?.allot(samples: largestSamples)
        let store = WaitingTensors(capacity: plan.map { $0.available - largestSamples } ?? .max, on: backend)
        if let plan {
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
            for (index, side) in sides.enumerated() {
                for (batch, pass) in side.passes.enumerated() {
                    try pass.advance(toFirstOf: Array(remaining), waitingIn: store) { site, activation, rows in
                        guard reached == nil || reached == site else {
                            throw MongeError.failed("batches come to \(reached!.name) and to \(site.name) at once: no order of sites")
                        }
                        reached = site
                        if samples.count == index {
                            samples.append(try SiteSamples(side, channels: site.channels, on: backend))
                        }
                        try samples[index].add(activation, batch: batch, samples: pass.samples, pooling: pooling, rows, on: backend)
                    }
                }
            }
            let site = reached!
            for (side, samples) in zip(sides, samples) {
                try side.requireFinite(samples, site: site, steering: earlier, on: backend)
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
