import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing

/// Files of components, of latents and of schedulers that are broken at random: read and usable, or refused with an error; nothing traps.
@Suite(.serialized) struct PartsMutationTests {
    /// Breaks a file some rounds: every other time in its head alone, where names, types and shapes are.
    private func breaking(_ original: [UInt8], head: Int, rounds: Int, seed: UInt64, _ read: ([UInt8]) throws -> Void) -> Int {
        var random = SplitMix64(seed: seed)
        var count = 0
        for round in 0..<rounds {
            let end = round % 2 == 0 ? head : original.count
            let bytes = Corruption.corrupt(Array(original[..<end]), original, &random) + original[end...]
            do {
                try read(bytes)
                count += 1
            } catch { #expect(!"\(error)".isEmpty) }
        }
        return count
    }

    private func file(_ architecture: String, _ entries: [(name: String, entry: SafetensorsWriter.Entry)]) -> (bytes: [UInt8], head: Int) {
        var builder = GGUFBuilder()
        builder.add("general.architecture", architecture)
        for (name, entry) in entries { builder.add(entry, as: name) }
        let bytes = builder.bytes
        return (bytes, bytes.count - builder.data.count)
    }

    private func encode(_ files: any DiffusionFiles, on backend: any Backend) throws {
        let model = try DiffusionModels.load(files, options: DiffusionModelOptions(activations: .f32), on: backend)
        let texts = [PromptTokens(byEncoder: model.textLengths.map { [Int32](repeating: 1, count: min($0, 8)) })]
        let pass = try model.encode(texts)
        try pass.run(context: ForwardContext(backend: backend))
        let conditioning = try pass.conditioning(for: model.usualSize)
        let side = 2 * model.sizeStep / model.autoencoder.reduction
        let latents = try backend.upload(
            [Float](repeating: 0.5, count: side * side * model.autoencoder.latentChannels),
            [1, side, side, model.autoencoder.latentChannels])
        try model.denoise(latents, timestep: 500, conditioning).run(context: ForwardContext(backend: backend))
    }

    @Test(.timeLimit(.minutes(60)), arguments: ["transformer", "text_encoder_2", "text_encoder"])
    func componentsInGGUF(component: String) throws {
        let folder = try DiffusersFolder(path: DiffusionFixture.path("flux-dev"))
        let prefix = [
            "transformer": "model.diffusion_model.", "text_encoder_2": "text_encoders.t5xxl.transformer.",
            "text_encoder": "text_encoders.clip_l.transformer.",
        ][component]!
        let (original, head) = file(
            component == "transformer" ? "flux" : component == "text_encoder" ? "clip" : "t5encoder",
            try CheckpointTests.original("flux-dev", prefixes: [prefix]).map { entry in
                let name = String(entry.name.dropFirst(prefix.count))
                return (component == "text_encoder_2" ? CheckpointTests.ggufName(name) : name, entry)
            })
        let backend = try CPUBackend()
        func read(_ bytes: [UInt8]) throws {
            let file = try GGUFFile(MappedFile(contents: bytes, name: "part.gguf"))
            try encode(ReplacedComponents(folder, replacing: [component: file]), on: backend)
        }
        try read(original)
        let rounds = 1200
        let count = breaking(original, head: head, rounds: rounds, seed: 91, read)
        #expect((rounds / 50..<rounds).contains(count), "\(count) of \(rounds) were read")
    }

    @Test(.timeLimit(.minutes(60))) func latents() throws {
        try withTemporaryFolder { path in
            let url = URL(fileURLWithPath: path + "/latents")
            let shape: Shape = [2, 4, 4, 6]
            try SafetensorsWriter.write(
                ["noise", "latents"].map { .init(name: $0, shape: shape, floats: (0..<shape.count).map { Float($0) / 7 }) }, to: url.path)
            let original = try Array(Data(contentsOf: url))
            let head = original.count - 2 * 4 * shape.count
            let rounds = 1500
            let count = breaking(original, head: head, rounds: rounds, seed: 92) { bytes in
                try Data(bytes).write(to: url)
                let noise = try LatentsFile(contentsOf: url).noise
                #expect(noise.allSatisfy { $0.allSatisfy(\.isFinite) })
            }
            #expect((rounds / 50..<rounds).contains(count), "\(count) of \(rounds) were read")
        }
    }

    private static let schedulers = [
        "DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler", "LCMScheduler",
        "PNDMScheduler", "FlowMatchEulerDiscreteScheduler",
    ]

    private static var values: [Any] {
        [
            -1, 0, 1, 2, 3, 7, 50, 999, 1000, 1001, 1 << 31, Int.max, Int.min, 1e308, -1e308, 1e-308, 0.5, 0.00085, 1e10, "", "x", true,
            false,
            NSNull(), [Any](), [0.1, 0.2], [1], [String: Any](), "linear", "scaled_linear", "squaredcos_cap_v2", "leading", "trailing",
            "linspace",
            "epsilon", "v_prediction", "sample", "exponential",
        ]
    }

    private static let keys = [
        "beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type", "timestep_spacing", "steps_offset", "shift",
        "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len", "use_dynamic_shifting", "use_karras_sigmas", "trained_betas",
        "rescale_betas_zero_snr", "clip_sample", "set_alpha_to_one", "skip_prk_steps", "solver_order", "algorithm_type",
        "final_sigmas_type",
        "original_inference_steps", "sigma_min", "sigma_max", "rho", "lower_order_final", "euler_at_final", "eta",
    ]

    @Test(.timeLimit(.minutes(60)), arguments: schedulers) func schedulerSettings(name: String) throws {
        var random = SplitMix64(seed: 93)
        let rounds = 400
        var count = 0
        for _ in 0..<rounds {
            var settings: [String: Any] = ["_class_name": name, "num_train_timesteps": 1000, "skip_prk_steps": true]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                settings[Self.keys.randomElement(using: &random)!] = Self.values.randomElement(using: &random)!
            }
            do {
                let bytes = try JSONSerialization.data(withJSONObject: settings)
                let scheduler = try SchedulerRegistry.load(JSONDocument(MappedFile(contents: bytes, name: "scheduler_config.json")))
                for steps in [1, 7, 30] {
                    let plan = try scheduler.plan(
                        SamplingRequest(steps: steps, skipping: 0, imageTokens: 64, evenNoiseLevels: name.hasPrefix("FlowMatch")))
                    #expect(!plan.steps.isEmpty)
                }
                count += 1
            } catch { #expect(!"\(error)".isEmpty) }
        }
        #expect((rounds / 50..<rounds).contains(count), "\(count) of \(rounds) were read")
    }
}
