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
        var samples = [SiteSamples]()
        var earlier = [Steer]()
        try inStep(sides, at: 1, waitingIn: store) { site, index, batch, activation, rows in
            if samples.count == index {
                samples.append(try SiteSamples(sides[index], channels: site.channels, on: backend))
            }
            try samples[index].add(
                activation, batch: batch, samples: sides[index].passes[batch].samples, pooling: pooling, rows, on: backend)
        } arrived: { site in
            for (side, samples) in zip(sides, samples) {
                try side.requireFinite(samples, site: site, steering: earlier, on: backend)
            }
            let maps = try fitted(site, samples[0].values, samples[1].values)
            earlier = [maps.at(1)]
            samples = []
            return maps.sites.last!
        }
        if let file = store.file {
            notice(
                "\(ByteCount(file.bytesWritten)) were written to a temporary file in \(file.folder) and \(ByteCount(file.bytesRead)) read "
                    + "from it, in \(String(format: "%.0f", store.secondsMoving)) s; it grew to \(ByteCount(file.size))")
        }
    }

    /// Takes all batches in step from site to site, in the order in which the passes come to them; each waits until all have arrived.
    ///
    /// - Parameters:
    ///   - strength: λ of the maps.
    ///   - store: Where batches wait.
    ///   - observe: Receives the activation of each batch at a site, before that site's map and after those of all earlier ones.
    ///   - arrived: All batches are at the site. Returns its map, which acts from there on.
    func inStep(
        _ sides: [CalibrationSide], at strength: Float, waitingIn store: WaitingTensors,
        observe: (_ site: Site, _ side: Int, _ batch: Int, _ activation: Tensor, _ rows: SamplePooling.Plan) throws -> Void,
        arrived: (Site) throws -> TransportMap.Site
    ) throws {
        let strengths = try backend.upload([strength])
        var remaining = Set(sites.map(\.index))
        while !remaining.isEmpty {
            var reached: Site?
            for (index, side) in sides.enumerated() {
                for (batch, pass) in side.passes.enumerated() {
                    try pass.advance(toFirstOf: Array(remaining), waitingIn: store) { site, activation, rows in
                        guard reached == nil || reached == site else {
                            throw MongeError.failed("batches come to \(reached!.name) and to \(site.name) at once: no order of sites")
                        }
                        reached = site
                        try observe(site, index, batch, activation, rows)
                    }
                }
            }
            let site = reached!
            let map = try SiteMap(arrived(site), on: backend)
            for pass in sides.flatMap(\.passes) { pass.install(map, strengths: strengths, at: site) }
            remaining.remove(site.index)
        }
    }
}
