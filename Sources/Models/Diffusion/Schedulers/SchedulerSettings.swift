import ModelFiles

/// The settings that the schedulers of models with training steps share.
struct SchedulerSettings: Sendable {
    let table: NoiseTable
    let prediction: PredictionType
    let spacing: TimestepSpacing
    let offset: Int

    /// - Parameters:
    ///   - usualSpacing: What the class has where the settings say nothing.
    ///   - predictions: What the model's output may stand for.
    init(_ settings: SettingsReader, usualSpacing: TimestepSpacing, predictions: [PredictionType] = PredictionType.allCases) throws {
        let count = try settings.integer(ifPresent: "num_train_timesteps", in: 2...100_000) ?? 1000
        let betas = try Self.betas(settings, count: count)
        let zeroTerminal = try settings.bool(ifPresent: "rescale_betas_zero_snr") ?? false
        table = NoiseTable(betas, count: count, zeroTerminal: zeroTerminal)
        guard table.alphasCumulative.dropLast().allSatisfy({ $0 > 0 }), table.alphasCumulative.allSatisfy({ $0 < 1 }) else {
            throw ModelError.invalidConfiguration("the scheduler's betas leave no signal, or no noise, at a training step")
        }
        prediction = try settings.choice("prediction_type", usual: .epsilon)
        guard predictions.contains(prediction) else {
            throw ModelError.unsupportedSetting(
                key: "prediction_type", value: "'\(prediction.rawValue)'",
                meaning: "this scheduler knows \(predictions.map(\.rawValue).joined(separator: " and "))")
        }
        spacing = try settings.choice("timestep_spacing", usual: usualSpacing)
        offset = try settings.integer(ifPresent: "steps_offset", in: 0...count - 1) ?? 0
    }

    private static func betas(_ settings: SettingsReader, count: Int) throws -> NoiseTable.Betas {
        let range = 1e-8...0.9999
        let start = try settings.precise(ifPresent: "beta_start", in: range) ?? 0.0001
        let end = try settings.precise(ifPresent: "beta_end", in: range) ?? 0.02
        let name = try settings.string(ifPresent: "beta_schedule") ?? "linear"
        if let listed = try settings.numbers(ifPresent: "trained_betas", in: 0...0.9999) {
            guard listed.count == count else {
                throw ModelError.invalidConfiguration("trained_betas has \(listed.count) numbers for \(count) training steps")
            }
            return .listed(listed)
        }
        switch name {
        case "linear": return .linear(from: start, to: end)
        case "scaled_linear": return .scaledLinear(from: start, to: end)
        case "squaredcos_cap_v2": return .squaredCosine
        default:
            throw ModelError.unsupportedSetting(
                key: "beta_schedule", value: "'\(name)'", meaning: "Monge knows linear, scaled_linear and squaredcos_cap_v2")
        }
    }

    var trainingSteps: Int { table.count }

    /// The whole training steps that are sampled, falling.
    /// - Throws: ``ModelError/invalidConfiguration(_:)`` where the offset leads past the last of them.
    func wholeTimesteps(_ count: Int) throws -> [Int] {
        try checked(spacing.timesteps(count, training: trainingSteps, offset: offset).map { Int($0.rounded(.toNearestOrEven)) })
    }

    func checked(_ timesteps: [Int]) throws -> [Int] {
        guard let first = timesteps.first, first < trainingSteps, timesteps.allSatisfy({ $0 >= 0 }) else {
            throw ModelError.invalidConfiguration(
                "\(timesteps.count) steps with steps_offset \(offset) lead to training step \(timesteps.first ?? 0) of \(trainingSteps); ask for another number of steps"
            )
        }
        return timesteps
    }
}

extension SettingsReader {
    /// A setting that is one of a few names.
    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, usual: Choice) throws -> Choice where Choice.RawValue == String {
        guard let name = try string(ifPresent: key) else { return usual }
        guard let choice = Choice(rawValue: name) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ModelError.unsupportedSetting(key: key, value: "'\(name)'", meaning: "Monge knows \(known)")
        }
        return choice
    }

    /// Takes settings that mean something for other schedulers: diffusers keeps them when it makes one scheduler from another's settings.
    func ignoreOtherSchedulers() {
        ignore([
            "_class_name", "_diffusers_version", "clip_sample", "clip_sample_range", "set_alpha_to_one", "skip_prk_steps", "thresholding",
            "dynamic_thresholding_ratio", "sample_max_value", "interpolation_type", "use_karras_sigmas", "use_exponential_sigmas",
            "use_beta_sigmas", "sigma_min", "sigma_max", "timestep_type", "rescale_betas_zero_snr", "final_sigmas_type", "solver_order",
            "algorithm_type", "solver_type", "lower_order_final", "euler_at_final", "use_lu_lambdas", "use_flow_sigmas", "flow_shift",
            "lambda_min_clipped", "variance_type", "use_dynamic_shifting", "time_shift_type", "original_inference_steps",
            "timestep_scaling", "steps_offset", "timestep_spacing", "shift", "base_shift", "max_shift", "base_image_seq_len",
            "max_image_seq_len", "invert_sigmas", "shift_terminal", "stochastic_sampling", "prediction_type", "trained_betas",
            "beta_start", "beta_end", "beta_schedule",
        ])
    }
}
