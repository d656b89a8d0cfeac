import Foundation

/// Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models", 2022, in its multistep form: an integral
/// over predicted pictures, of first to third order. "DPM++ 2M" is the second order.
struct DPMSolverScheduler: Scheduler {
    static let className = "DPMSolverMultistepScheduler"
    private let shared: SchedulerSettings
    private let table: NoiseTable
    private let order: Int
    private let isStochastic: Bool
    private let isHeun: Bool
    private let levels: SigmaSpacing?
    private let endsAtLowest: Bool
    private let lowerOrderAtEnd: Bool
    private let eulerAtEnd: Bool
    private let roundsTimesteps: Bool
    /// The logarithm of the least ratio of signal to noise.
    private let lowestLogarithm: Float

    init(_ settings: SettingsReader) throws {
        shared = try SchedulerSettings(settings, usualSpacing: .linspace)
        table = shared.table.forSigmas
        order = try settings.integer(ifPresent: "solver_order", in: 1...3) ?? 2
        switch try settings.string(ifPresent: "algorithm_type") ?? "dpmsolver++" {
        // diffusers takes DEIS's settings for those of DPM-Solver++.
        case "dpmsolver++", "deis": isStochastic = false
        case "sde-dpmsolver++": isStochastic = true
        case let other:
            throw ModelError.unsupportedSetting(
                key: "algorithm_type", value: "'\(other)'", meaning: "Monge knows dpmsolver++ and sde-dpmsolver++")
        }
        switch try settings.string(ifPresent: "solver_type") ?? "midpoint" {
        case "midpoint", "logrho", "bh1", "bh2": isHeun = false
        case "heun": isHeun = true
        case let other:
            throw ModelError.unsupportedSetting(key: "solver_type", value: "'\(other)'", meaning: "Monge knows midpoint and heun")
        }
        levels = try settings.sigmaSpacing()
        endsAtLowest = try settings.endsAtLowestSigma()
        lowerOrderAtEnd = try settings.bool(ifPresent: "lower_order_final") ?? true
        eulerAtEnd = try settings.bool(ifPresent: "euler_at_final") ?? false
        roundsTimesteps = try settings.string(ifPresent: "beta_schedule") != "squaredcos_cap_v2"
        lowestLogarithm = try settings.number(ifPresent: "lambda_min_clipped", in: -.infinity...1e6) ?? -.infinity
        try settings.refuseThresholding()
        try settings.refuse([
            .bool("use_lu_lambdas", false, "noise levels even in their logarithms"),
            .bool("use_flow_sigmas", false, "noise levels of flow matching"),
            .absent("variance_type", "models that predict a variance"),
            .bool("use_dynamic_shifting", false, "noise levels moved by the size of the image"),
        ])
    }

    var displayName: String {
        let name = isStochastic ? "DPM++ \(order)M SDE" : "DPM++ \(order)M"
        switch levels {
        case nil: return name
        case .karras: return name + " Karras"
        case .exponential: return name + " Exponential"
        }
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: shared.trainingSteps - 1)
        var timesteps = try wholeTimesteps(request.steps)
        let tableSigmas = table.sigmas
        var sigmas: [Double]
        if let levels {
            sigmas = levels.levels(
                from: Double(tableSigmas[tableSigmas.count - 1]), to: Double(tableSigmas[0]), count: request.steps)
            let logarithms = tableSigmas.map { log($0) }
            timesteps = sigmas.map {
                let timestep = SigmaSpacing.timestep(of: $0, logarithms: logarithms)
                let rounds = levels == .karras && roundsTimesteps
                return Int(rounds ? timestep.rounded(.toNearestOrEven) : timestep)
            }
        } else {
            sigmas = timesteps.map { Double(tableSigmas[$0]) }
        }
        sigmas = (sigmas + [endsAtLowest ? Double(tableSigmas[0]) : 0]).map { Double(Float($0)) }
        let count = timesteps.count
        let points = sigmas.map(Point.init)
        let steps = (request.skipping..<count).map { index in
            let isLast = index == count - 1 && (eulerAtEnd || (lowerOrderAtEnd && count < 15) || !endsAtLowest)
            let isSecondLast = index == count - 2 && lowerOrderAtEnd && count < 15
            let order = min(isLast ? 1 : isSecondLast ? 2 : 3, self.order, index - request.skipping + 1)
            return step(points, index, order: order, timestep: timesteps[index])
        }
        return SamplingPlan(steps: steps, initialNoiseScale: 1)
    }

    private func wholeTimesteps(_ count: Int) throws -> [Int] {
        // Training steps with less signal than is allowed are left out.
        let clipped = table.logarithms.reversed().firstIndex { $0 >= lowestLogarithm } ?? table.count
        let last = table.count - clipped
        guard count < last else {
            throw ModelError.invalidConfiguration("\(count) steps are asked for; lambda_min_clipped leaves \(last) training steps")
        }
        let timesteps: [Double] =
            switch shared.spacing {
            case .linspace: Numbers.linear(0, Double(last - 1), count + 1).dropFirst().reversed()
            case .leading: (1...count).map { Double($0 * (last / (count + 1)) + shared.offset) }.reversed()
            case .trailing:
                Numbers.falling(from: Double(last), by: Double(table.count) / Double(count)).map { $0.rounded(.toNearestOrEven) - 1 }
            }
        return try shared.checked(timesteps.map { Int($0.rounded(.toNearestOrEven)) })
    }

    /// A noise level: a sample there is α·picture + σ·noise.
    private struct Point {
        let alpha: Double
        let sigma: Double
        /// log(α/σ), infinite without noise.
        let logarithm: Double

        init(_ ratio: Double) {
            alpha = 1 / (ratio * ratio + 1).squareRoot()
            sigma = ratio * alpha
            logarithm = -log(ratio)
        }
    }

    private func step(_ points: [Point], _ index: Int, order: Int, timestep: Int) -> SamplingStep {
        let (from, to) = (points[index], points[index + 1])
        let distance = to.logarithm - from.logarithm
        // How much of the way is left, and how much the stochastic equation takes of it.
        let (decay, reach) = (exp(-distance), isStochastic ? 2 * distance : distance)
        let amount = to.alpha * -expm1(-reach)
        let picture = shared.prediction.picture(alpha: from.alpha, sigma: from.sigma)
        var shares = [amount]
        if order > 1 {
            let ratio = (from.logarithm - points[index - 1].logarithm) / distance
            // ∫ of the difference's straight line.
            let slope = to.alpha * (expm1(-reach) / reach + 1)
            if order == 2 {
                let share = (isHeun ? slope : amount / 2) / ratio
                shares = [amount + share, -share]
            } else {
                let older = (points[index - 1].logarithm - points[index - 2].logarithm) / distance
                let curve = to.alpha * ((reach + expm1(-reach)) / (reach * reach) - 0.5)
                shares = thirdOrder(amount, slope, isStochastic ? stochasticCurve(to.alpha, reach) : -curve, ratio, older)
            }
        }
        return SamplingStep(
            timestep: Double(timestep), predictionOfSample: picture.sample, predictionOfOutput: picture.output,
            keepsPrediction: self.order > 1, ofSample: to.sigma / from.sigma * (isStochastic ? decay : 1), ofPredictions: shares,
            ofNoise: isStochastic ? to.sigma * (-expm1(-2 * distance)).squareRoot() : 0, signal: from.alpha, noiseLevel: from.sigma)
    }

    /// The share of each prediction, from those of the newest and of its first and second divided differences.
    private func thirdOrder(_ amount: Double, _ first: Double, _ second: Double, _ ratio: Double, _ older: Double) -> [Double] {
        // D1 = u + r/(r + s)·(u − v), D2 = (u − v)/(r + s) with u = (m0 − m1)/r, v = (m1 − m2)/s.
        let ofU = first * (1 + ratio / (ratio + older)) + second / (ratio + older)
        let ofV = -first * ratio / (ratio + older) - second / (ratio + older)
        return [amount + ofU / ratio, -ofU / ratio + ofV / older, -ofV / older]
    }

    private func stochasticCurve(_ alpha: Double, _ reach: Double) -> Double {
        alpha * ((-expm1(-reach) - reach) / (reach * reach) - 0.5)
    }
}

extension NoiseTable {
    /// log(α/σ) by training step.
    var logarithms: [Float] { alphasCumulative.map { log($0.squareRoot()) - log((1 - $0).squareRoot()) } }
}
