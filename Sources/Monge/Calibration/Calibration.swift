import Foundation
import Foundations
import Models
import Tensors
import Transport

/// Captures activations of a steerable model at chosen sites, and fits maps to them.
package struct Calibration {
    let model: any SteerableModel
    /// In the order of the model's list.
    let sites: [Site]
    /// What a sample is, in the plural: "sentences".
    let unit: String

    package init(model: any SteerableModel, sites: [Site], unit: String) {
        self.model = model
        self.sites = sites
        self.unit = unit
    }

    var backend: any Backend { model.backend }

    /// Maps from the first side to the second.
    ///
    /// `simultaneous` estimation fits every site on the untouched model; `causal` fits each site with the maps of all earlier ones
    /// in place, for source and target alike. Either costs one forward pass over the samples.
    ///
    /// - Parameters:
    ///   - sides: The source, then the target.
    ///   - notice: Receives a sentence on how a budget of memory is kept, and what that costs.
    package func fit(
        _ sides: [CalibrationSide], options: FitOptions, progress: ProgressHandler?, notice: (String) -> Void
    ) throws -> TransportMap {
        let pooling = SamplePooling(options)
        let plan = try options.capture.memory.map { budget in
            try MemoryPlan(
                budget: budget, passes: sides.flatMap(\.passes), sites: sites, samples: sides.reduce(0) { $0 + $1.count }, pooling: pooling,
                keepsMaps: true, weights: model.weightStore, on: backend)
        }
        defer {
            if plan != nil {
                model.weightStore?.limit(to: nil)
                try? backend.limitMemory(to: nil)
            }
        }
        let fit = MapFit(options, channelsAtOnce: plan?.fittedChannels)
        var map = TransportMap(
            sites: [],
            description: TransportDescription(
                method: options.method.rawValue, estimation: options.effectiveEstimation, pooling: options.effectivePooling.rawValue,
                support: options.effectiveSupport, shrinkage: options.shrinkage, position: options.position, spatial: options.spatial,
                architecture: model.architecture, fingerprint: model.fingerprint, sketch: try model.sketch,
                sourceName: options.sourceName, targetName: options.targetName,
                sourceCount: sides[0].count, targetCount: sides[1].count, seed: options.seed,
                date: ISO8601DateFormatter().string(from: Date())))
        var candidates = [UnitSelection.Candidate]()
        func add(_ site: Site, _ source: Tensor, _ target: Tensor) throws -> TransportMap {
            let candidate = try fit(source: source, target: target, site: site.name, heads: site.heads, on: backend)
            map.sites.append(candidate.site)
            if options.units != nil { candidates.append(candidate) }
            try progress?(Progress(activity: "fitting", done: map.sites.count, total: sites.count, unit: "sites"))
            return map
        }
        switch options.effectiveEstimation {
        case .simultaneous:
            try simultaneously(sides, options: options, plan: plan, progress: progress, notice: notice) { _ = try add($0, $1, $2) }
        case .causal: try causally(sides, options: options, plan: plan, notice: notice, fitted: add)
        }
        if let units = options.units { map.sites = UnitSelection.best(units, of: candidates) }
        if let budget = options.capture.memory {
            notice("at most \(ByteCount(ProcessMemory.peakBytes)) of \(ByteCount(budget)) were resident")
        }
        return map
    }

    /// The samples of each site, in one pass over the side's batches.
    ///
    /// - Parameters:
    ///   - sites: Some of the calibration's.
    ///   - transports: Of each batch, by site index; nil for none.
    ///   - steering: What those are, for messages.
    ///   - progress: Called with the number of samples that are done.
    package func capture(
        _ side: CalibrationSide, sites: [Site], pooling: SamplePooling,
        transports: ((_ batch: Int) throws -> [[TransportApplication]])? = nil, steering: [Steer] = [],
        progress: (_ done: Int) throws -> Void = { _ in }
    ) throws -> [SiteSamples] {
        let samples = try sites.map { try SiteSamples(side, channels: $0.channels, on: backend) }
        // By index: a pass may come to its sites in another order.
        let places = Dictionary(uniqueKeysWithValues: sites.enumerated().map { ($1.index, $0) })
        for (index, pass) in side.passes.enumerated() {
            try pass.run(tapping: sites.map(\.index), transports: transports?(index) ?? []) { site, activation, plan in
                try samples[places[site.index]!].add(
                    activation, batch: index, samples: pass.samples, pooling: pooling, plan, on: backend)
            }
            try backend.synchronize()
            try progress(pass.samples.upperBound)
        }
        for (site, samples) in zip(sites, samples) {
            try side.requireFinite(samples, site: site, steering: steering, on: backend)
        }
        return samples
    }

    /// Every site on the untouched model, in one pass over the samples, or in as many as a budget needs.
    private func simultaneously(
        _ sides: [CalibrationSide], options: FitOptions, plan: MemoryPlan?, progress: ProgressHandler?, notice: (String) -> Void,
        fitted: (Site, _ source: Tensor, _ target: Tensor) throws -> Void
    ) throws {
        let samplesPerChannel = sides.reduce(0) { $0 + $1.bytesPerChannel }
        let sizes = sites.map { samplesPerChannel * $0.channels }
        var plan = plan
        try plan?.allot(samples: sizes.max()!)
        try plan?.apply(to: backend)
        let waves = plan.map { Model.groups(sizes, rows: $0.available) } ?? [0..<sites.count]
        if waves.count > 1 {
            notice(
                "the samples of all \(sites.count) sites take \(ByteCount(sizes.reduce(0, +))): they are captured in \(waves.count) passes over "
                    + "the \(unit) instead of one")
        }
        let total = sides.reduce(0) { $0 + $1.count } * waves.count
        var done = 0
        for wave in waves {
            let captured = try sides.map { side in
                defer { done += side.count }
                return try capture(
                    side, sites: Array(sites[wave]), pooling: SamplePooling(options),
                    progress: { count in
                        try progress?(Progress(activity: "capturing", done: done + count, total: total, unit: unit))
                    })
            }
            for (index, site) in sites[wave].enumerated() { try fitted(site, captured[0][index].values, captured[1][index].values) }
        }
    }
}
