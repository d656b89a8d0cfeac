import CPUBackend
import Foundation
import ModelFiles
import Models
import Tensors
import TestSupport
import Testing

/// Against diffusers' schedulers, whose samples a fixed function of input and timestep moves.
struct SchedulerTests {
    private struct Case: Decodable {
        let config: String
        let steps: Int
        let skipping: Int
        let eta: Double?
        let imageTokens: Int?
        let even: Bool?
        let timesteps: [Double]
        let initialNoiseScale: Double
        let first: [Float]
        let samples: [[Float]]
    }

    private static func document(_ text: String) throws -> JSONDocument {
        try JSONDocument(MappedFile(contents: Array(text.utf8), name: "scheduler_config.json"), acceptsInfinity: true)
    }

    /// The model of the fixture.
    private static func output(_ input: [Float], _ timestep: Double) -> [Float] {
        input.map { 0.6 * sin(1.3 * $0 + Float(timestep) / 250) + 0.3 * $0 }
    }

    @Test func trajectoriesAreThoseOfDiffusers() throws {
        let cases = try JSONDecoder().decode([Case].self, from: fixture("schedulers.json"))
        #expect(cases.count > 75)
        let backend = ReferenceBackend()
        for expected in cases {
            let scheduler = try SchedulerRegistry.load(Self.document(expected.config))
            let name = "\(scheduler.displayName), \(expected.steps) steps of \(expected.config)"
            let plan = try scheduler.plan(
                SamplingRequest(
                    steps: expected.steps, skipping: expected.skipping, imageTokens: expected.imageTokens,
                    evenNoiseLevels: expected.even ?? false, eta: expected.eta ?? 0))
            #expect(plan.steps.count == expected.timesteps.count, "\(name)")
            for (step, timestep) in zip(plan.steps, expected.timesteps) {
                // Whole timesteps are equal; others are interpolated from logarithms of f32.
                let tolerance = 2e-6 * max(abs(timestep), 1)
                #expect(abs(step.timestep - timestep) <= tolerance, "\(name): \(step.timestep) for \(timestep)")
            }
            // Noise levels go up to 4096 where the end has no signal.
            #expect(abs(plan.initialNoiseScale / expected.initialNoiseScale - 1) <= 2e-7, "\(name)")

            let count = expected.first.count
            var generator = TorchGenerator(seed: 20)
            let sampler = Sampler(plan, on: backend)
            let noise = try backend.upload(generator.normals(count))
            let picture = (0..<count).map { Float($0) * 2 / Float(count - 1) - 1 }
            var sample =
                expected.skipping > 0
                ? try sampler.start(from: backend.upload(picture), noise: noise)
                : try backend.scale(noise, by: Float(plan.initialNoiseScale))
            try Self.compare(backend.readFloats(sample), expected.first, name + ", first")
            for (index, wanted) in expected.samples.enumerated() {
                let input = try backend.readFloats(sampler.modelInput(sample))
                let output = try backend.upload(Self.output(input, plan.steps[index].timestep))
                sample = try sampler.advance(sample, output: output) { try backend.upload(generator.normals(count)) }
                try Self.compare(
                    backend.readFloats(sample), wanted, name + ", step \(index + 1)", falls: Self.steepestFall(plan, before: index + 1))
            }
            #expect(sampler.step == nil)
        }
    }

    /// How much larger the noise of a step is than that of the next, at most.
    private static func steepestFall(_ plan: SamplingPlan, before end: Int) -> Double {
        let levels = plan.steps.map(\.noiseLevel)
        return (1...max(end, 1)).filter { $0 < levels.count }.map { levels[$0 - 1] / levels[$0] }.max() ?? 1
    }

    /// Within 1e-5 of the largest: dozens of operations in f32, and noise that differs by 4e-6. diffusers' Euler methods subtract numbers as
    /// large as the sample was, so that a unit in its last place counts as many times as the noise falls: 4096 to 7 where the end has no signal.
    private static func compare(_ found: [Float], _ expected: [Float], _ place: String, falls: Double = 1) throws {
        let largest = max(expected.map(abs).max()!, 1)
        let error = zip(found, expected).map { abs($0 - $1) }.max()! / largest
        #expect(error <= 1e-5 + 0x1p-23 * Float(falls), "\(place): \(error), \(found) for \(expected)")
    }

    @Test func schedulersAreChosenByName() throws {
        let document = try Self.document(
            #"{"_class_name":"PNDMScheduler","beta_schedule":"scaled_linear","beta_start":0.00085,"beta_end":0.012,"#
                + #""skip_prk_steps":true,"steps_offset":1,"set_alpha_to_one":false,"clip_sample":false}"#)
        for (name, shown) in [
            "ddim": "DDIM", "euler": "Euler", "euler-ancestral": "Euler a", "dpm++2m": "DPM++ 2M", "dpm++2m-karras": "DPM++ 2M Karras",
            "lcm": "LCM", "pndm": "PLMS", "DDIMScheduler": "DDIM", "dpm++2m-sde": "DPM++ 2M SDE",
        ] {
            #expect(try SchedulerRegistry.load(document, named: name).displayName == shown)
        }
        // What another class has of its own is at its default, what they share is kept.
        let euler = try SchedulerRegistry.load(document, named: "euler").plan(SamplingRequest(steps: 2))
        #expect(euler.steps.map(\.timestep) == [999, 0])
        let leading = try SchedulerRegistry.load(document, named: "euler", setting: ["timestep_spacing": .string("leading")])
        #expect(try leading.plan(SamplingRequest(steps: 2)).steps.map(\.timestep) == [501, 1])
    }

    @Test func whatIsNotObeyedIsRefusedByName() throws {
        func message(_ settings: String, named name: String? = nil, steps: Int = 10, skipping: Int = 0) -> String {
            do {
                let document = try Self.document("{\(settings)}")
                _ = try SchedulerRegistry.load(document, named: name).plan(SamplingRequest(steps: steps, skipping: skipping))
                return "accepted"
            } catch { return "\(error)" }
        }
        let ddim = #""_class_name":"DDIMScheduler""#
        #expect(message(ddim) == "accepted")
        for (settings, part) in [
            (#","thresholding":true"#, "thresholding"), (#","betas":3"#, "betas"), (#","beta_schedule":"sigmoid""#, "sigmoid"),
            (#","timestep_spacing":"even""#, "even"), (#","prediction_type":"flow""#, "flow"), (#","num_train_timesteps":0"#, "0"),
            (#","trained_betas":[0.1]"#, "trained_betas"), (#","steps_offset":1000"#, "steps_offset"), (#","beta_end":2"#, "beta_end"),
            (#","rescale_betas_zero_snr":true,"timestep_spacing":"trailing""#, "epsilon"), (#","clip_sample":3"#, "clip_sample"),
            (#","steps_offset":150"#, "steps_offset"),
        ] { #expect(message(ddim + settings).contains(part), "\(message(ddim + settings))") }
        #expect(message(ddim, steps: 1001).contains("1001"))
        #expect(message(ddim, steps: 0).contains("0 steps"))
        #expect(message(ddim, steps: 4, skipping: 4).contains("4 of 4"))
        #expect(message(#""_class_name":"PNDMScheduler""#).contains("--scheduler"))
        #expect(message(#""_class_name":"HeunDiscreteScheduler""#).contains("HeunDiscreteScheduler"))
        #expect(message(ddim, named: "heun").contains("dpm++2m-karras"))
        #expect(message(ddim, named: "flow-euler").contains("DDIMScheduler"))
        #expect(message(#""_class_name":"EulerDiscreteScheduler","use_beta_sigmas":true"#).contains("use_beta_sigmas"))
        #expect(
            message(#""_class_name":"DPMSolverMultistepScheduler","algorithm_type":"dpmsolver""#).contains("algorithm_type"))
        #expect(message(#""_class_name":"FlowMatchEulerDiscreteScheduler","use_dynamic_shifting":true"#).contains("tokens"))
        #expect(message(#""_class_name":"LCMScheduler","original_inference_steps":8"#).contains("10 steps"))
        #expect(message(#""num_train_timesteps":1000"#).contains("_class_name"))
    }
}
