import Foundation
import Models
import Pictures
import Tensors
import Transport

/// Pictures that are drawn together, step by step.
final class Drawing {
    /// The steps that are done.
    private(set) var done = 0
    private let requests: [PictureRequest]
    private let size: PictureSize
    private let sampler: Sampler
    private let guidance: Guidance
    private let memory: PictureMemoryPlan?
    private let model: PictureModel
    private let steering: InstalledSteering
    private var generators: [TorchGenerator]
    private let noise: [[Float]]
    private var latents: Tensor
    /// The last encoded texts, and the maps that were in place.
    private var encoded: (maps: ActingMaps, conditioning: DenoisingConditioning)?
    /// The last maps, as the device has them.
    private var installed: (maps: ActingMaps, transports: [[TransportApplication]])?
    /// The pass through the network with the last maps; nil where its weights do not all stay in memory, so that it cannot be recorded.
    private var recorded: (maps: ActingMaps, step: DenoisingStep)?

    private var backend: any Backend { model.backend }
    private var diffusion: any DiffusionModel { model.diffusion }

    init(
        _ requests: [PictureRequest], size: PictureSize, plan: SamplingPlan, options: PictureOptions, memory: PictureMemoryPlan?,
        model: PictureModel
    ) throws {
        self.requests = requests
        self.size = size
        self.memory = memory
        self.model = model
        sampler = Sampler(plan, on: model.backend)
        guidance = Guidance(
            scale: options.guidance ?? model.diffusion.usualGuidance, rescale: options.rescale, isInput: model.diffusion.takesGuidance)
        steering = try InstalledSteering(requests.map { $0.steering.map(\.steer) }, on: model.diffusion)
        let shape = model.latentShape(size, images: requests.count)
        var generators = requests.map { TorchGenerator(seed: $0.seed) }
        if requests[0].initial != nil { try memory?.begin(.encodingPictures) }
        let pictures = try Self.encoded(requests, size: size, shape: shape, &generators, model: model)
        noise = try requests.indices.map { index in
            let own = generators[index].image(height: shape[1], width: shape[2], channels: shape[3])
            guard let given = requests[index].noise else { return own }
            guard given.count == own.count else {
                throw MongeError.usage(
                    "\(requests[index].name): \(given.count) numbers of noise were given for latents of \(shape[1])×\(shape[2])×\(shape[3])"
                )
            }
            return given
        }
        self.generators = generators
        latents = try model.backend.upload(noise.flatMap { $0 }, shape)
        if let pictures {
            latents = try sampler.start(from: pictures, noise: latents)
        } else if plan.initialNoiseScale != 1 {
            latents = try model.backend.scale(latents, by: Float(plan.initialNoiseScale))
        }
    }

    /// The latents of the pictures that are begun from, drawn from their distributions by the generators; nil where there are none.
    private static func encoded(
        _ requests: [PictureRequest], size: PictureSize, shape: Shape, _ generators: inout [TorchGenerator], model: PictureModel
    ) throws -> Tensor? {
        guard requests[0].initial != nil else { return nil }
        let (backend, autoencoder) = (model.backend, model.diffusion.autoencoder)
        let latents = try requests.indices.map { index in
            let picture = requests[index].initial!
            guard picture.width == size.width, picture.height == size.height else {
                throw MongeError.usage(
                    "\(requests[index].name) is to be \(size) pixels, the picture that it begins from has \(picture.width)×\(picture.height)"
                )
            }
            let pixels = try backend.upload(picture.pixels.map { Float($0) / 127.5 - 1 }, [1, size.height, size.width, 3])
            guard autoencoder.givesDistributions else { return try autoencoder.encode(pixels, noise: nil) }
            let own = generators[index].image(height: shape[1], width: shape[2], channels: shape[3])
            return try autoencoder.encode(pixels, noise: backend.upload(own, [1, shape[1], shape[2], shape[3]]))
        }
        return try backend.concat(latents, axis: 0)
    }

    /// What the network is given in the next step: `[pictures, height, width, channels]` f32.
    /// - Precondition: There is one.
    var input: Tensor { get throws { try sampler.modelInput(latents) } }

    /// The timestep of the next step.
    /// - Precondition: There is one.
    var timestep: Float { Float(sampler.step!.timestep) }

    /// Does the next step.
    /// - Returns: Whether there are more.
    func step() throws -> Bool {
        guard sampler.step != nil else { return false }
        let maps = self.maps(at: Float(done) / Float(sampler.plan.steps.count))
        let (x, timestep) = (try input, self.timestep)
        let output = try guidance(predict(x, timestep: timestep, maps), on: backend)
        latents = try sampler.advance(latents, output: output, noise: freshNoise)
        let numbers = try backend.readFloats(latents)
        if !numbers.isFinite { throw try notFinite(numbers, from: x, timestep: timestep, maps) }
        done += 1
        return sampler.step != nil
    }

    /// The maps that act on each picture at a place of the schedule.
    private func maps(at place: Float) -> ActingMaps {
        let acting = requests.map { $0.steering.filter { $0.range.contains(place) } }
        return ActingMaps(
            textual: acting.map { $0.map(\.steer) }, plain: acting.map { $0.filter { $0.half == .both }.map(\.steer) })
    }

    /// The maps that act on each picture.
    private struct ActingMaps: Equatable {
        /// On the prediction with the text.
        var textual: [[Steer]]
        /// On the one without that guidance adds.
        var plain: [[Steer]]

        static func none(_ count: Int) -> ActingMaps {
            ActingMaps(textual: [[Steer]](repeating: [], count: count), plain: [[Steer]](repeating: [], count: count))
        }

        /// Those with a site in a text encoder.
        var onEncoders: ActingMaps {
            func filtered(_ maps: [[Steer]]) -> [[Steer]] {
                maps.map { $0.filter { steer in steer.map.sites.contains { $0.name.hasPrefix("text_encoder") } } }
            }
            return ActingMaps(textual: filtered(textual), plain: filtered(plain))
        }
    }

    /// What the network makes of latents: with guidance, of those without the texts before those with them.
    private func predict(_ x: Tensor, timestep: Float, _ maps: ActingMaps) throws -> Tensor {
        let input = guidance.isDouble ? try backend.concat([x, x], axis: 0) : x
        let conditioning = try conditioning(maps)
        if memory == nil {
            if recorded?.maps != maps {
                // Before the next one is made: its memory is free then.
                recorded = nil
                recorded = (maps, try DenoisingStep(diffusion, input.shape, conditioning, context: context(maps)))
            }
            return try recorded!.step.run(input, timestep: timestep)
        }
        try memory?.begin(.denoising)
        let pass = try diffusion.denoise(input, timestep: timestep, conditioning)
        try pass.run(context: context(maps))
        return pass.output
    }

    /// A context with the maps in place.
    private func context(_ maps: ActingMaps) throws -> ForwardContext {
        if installed?.maps != maps { installed = (maps, try transports(maps)) }
        return ForwardContext(backend: backend, transports: installed!.transports, siteCount: diffusion.sites.count)
    }

    private func transports(_ maps: ActingMaps) throws -> [[TransportApplication]] {
        try steering.transports(for: (guidance.isDouble ? maps.plain + maps.textual : maps.textual).map { (1, $0) })
    }

    /// The encoded texts, of negative prompts first; encoded anew where other maps act on the encoders than before.
    private func conditioning(_ maps: ActingMaps) throws -> DenoisingConditioning {
        let acting = maps.onEncoders
        if let encoded, encoded.maps == acting { return encoded.conditioning }
        let conditioning = try encode(maps)
        encoded = (acting, conditioning)
        return conditioning
    }

    private func encode(_ maps: ActingMaps) throws -> DenoisingConditioning {
        try memory?.begin(.encodingTexts)
        func encode(_ texts: [String], _ maps: [[Steer]]) throws -> DenoisingConditioning {
            let pass = try diffusion.encode(texts.map(model.prompts.tokens))
            try pass.run(
                context: ForwardContext(
                    backend: backend, transports: try steering.transports(for: maps.map { (1, $0) }), siteCount: diffusion.sites.count))
            return try pass.conditioning(for: size)
        }
        var result = try encode(requests.map(\.prompt), maps.textual)
        if guidance.isDouble {
            let isAbsent = requests.allSatisfy { $0.negative == nil } && diffusion.zeroesAbsentNegative
            let negative = try isAbsent ? result.zeroed(on: backend) : encode(requests.map { $0.negative ?? "" }, maps.plain)
            result = try .joined([negative, result], on: backend)
        }
        result.guidance = guidance.scale
        return result
    }

    /// Noise for a step that adds some: each picture's from its own generator.
    private func freshNoise() throws -> Tensor {
        let shape = latents.shape
        return try backend.upload(
            generators.indices.flatMap { generators[$0].image(height: shape[1], width: shape[2], channels: shape[3]) }, shape)
    }

    /// How many steps there are.
    var steps: Int { sampler.plan.steps.count }

    /// The finished pictures, decoded one at a time.
    func pictures() throws -> [DrawnPicture] {
        recorded = nil
        try memory?.begin(.decoding)
        return try requests.indices.map { index in
            DrawnPicture(
                picture: try decoded(index), latents: try backend.readFloats(latents.rows(index..<index + 1)), noise: noise[index])
        }
    }

    /// One of the pictures as it is so far.
    func picture(_ index: Int) throws -> Picture {
        try memory?.begin(.decoding)
        return try decoded(index)
    }

    private func decoded(_ index: Int) throws -> Picture {
        let values = try diffusion.autoencoder.pixels(latents.rows(index..<index + 1), tiles: memory?.tiles)
        guard values.isFinite else {
            throw MongeError.failed(
                "\(requests[index].name) ('\(requests[index].prompt.beginning)'): the autoencoder (vae.decoder) gives "
                    + "numbers that are not finite for latents that are")
        }
        let pixels = values.map { UInt8((min(max($0 / 2 + 0.5, 0), 1) * 255).rounded(.toNearestOrEven)) }
        return Picture(width: size.width, height: size.height, pixels: pixels)
    }

    // MARK: Numbers that are not finite

    /// What an error says of latents that are not finite, found by running the step again: as it was, and without maps.
    private func notFinite(_ numbers: [Float], from x: Tensor, timestep: Float, _ maps: ActingMaps) throws -> MongeError {
        let bad = numbers.firstIndex { !$0.isFinite }! / (numbers.count / requests.count)
        let request = requests[bad]
        let site = try firstNonFiniteSite(x, timestep: timestep, maps)
        let cause = try model.nonFiniteCause(maps.textual.joined()) {
            try firstNonFiniteSite(x, timestep: timestep, .none(requests.count)) == nil
        }
        return .notFinite(
            NonFiniteNumbers(
                quantity: "latents after step \(done + 1)", name: request.name, text: request.prompt,
                strengths: maps.textual[bad].map(\.strength),
                site: site?.name, cause: cause))
    }

    private func firstNonFiniteSite(_ x: Tensor, timestep: Float, _ maps: ActingMaps) throws -> Site? {
        let input = guidance.isDouble ? try backend.concat([x, x], axis: 0) : x
        return try diffusion.firstNonFiniteSite(transports(maps)) {
            try diffusion.denoise(input, timestep: timestep, conditioning(maps)).run(context: $0)
        }
    }
}
