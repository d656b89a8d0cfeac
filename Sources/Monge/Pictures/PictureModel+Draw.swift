import Foundation
import Models
import Pictures
import Tensors
import Transport

extension PictureModel {
    /// Draws pictures, as many together as `options.batch` allows: with maps and strengths of their own.
    ///
    /// - Parameters:
    ///   - progress: Told of each step.
    ///   - warn: Told, in a sentence, what a person should know: texts that were cut.
    ///   - notice: Told, in a sentence, how a budget of memory is kept.
    /// - Returns: A picture for each request, in their order.
    /// - Throws: ``MongeError`` for a size or a number of steps that the model does not draw, for a map of another model, and where numbers are
    ///   not finite, naming the module.
    public func draw(
        _ requests: [PictureRequest], options: PictureOptions = PictureOptions(), progress: ProgressHandler? = nil,
        warn: (String) -> Void = { _ in }, notice: (String) -> Void = { _ in }
    ) throws -> [DrawnPicture] {
        let (size, plan) = try checked(requests, options)
        prompts.reportCuts(requests.map(\.prompt) + Set(requests.compactMap(\.negative)), warn: warn)
        let memory = try options.memory.map { try memoryPlan($0, size: size, requests: requests, options) }
        defer { memory?.end() }
        if let memory { notice(memory.notice) }
        let batch = max(memory?.batch ?? options.batch, 1)
        let chunks = stride(from: 0, to: requests.count, by: batch).map {
            Array(requests[$0..<min($0 + batch, requests.count)])
        }
        let total = chunks.count * plan.steps.count
        let pictures = try chunks.enumerated().flatMap { index, chunk in
            let drawing = try Drawing(chunk, size: size, plan: plan, options: options, memory: memory, model: self)
            while try drawing.step() {
                try progress?(Progress(activity: "drawing", done: index * plan.steps.count + drawing.done, total: total, unit: "steps"))
            }
            try progress?(Progress(activity: "drawing", done: (index + 1) * plan.steps.count, total: total, unit: "steps"))
            return try drawing.pictures()
        }
        if let budget = options.memory { notice("at most \(ByteCount(ProcessMemory.peakBytes)) of \(ByteCount(budget)) were resident") }
        return pictures
    }

    /// How a budget of memory is kept.
    func memoryPlan(
        _ budget: Int, size: PictureSize, requests: [PictureRequest], _ options: PictureOptions
    ) throws -> PictureMemoryPlan {
        let scale = options.guidance ?? diffusion.usualGuidance
        let images = Guidance(scale: scale, rescale: 0, isInput: diffusion.takesGuidance).isDouble ? 2 : 1
        return try PictureMemoryPlan(
            budget: budget, size: size, images: images, batch: options.batch, count: requests.count,
            beginsFromPictures: requests.contains { $0.initial != nil }, model: self)
    }

    /// The size and the steps of pictures that are drawn together.
    /// - Throws: ``MongeError`` for what the model does not draw.
    func checked(_ requests: [PictureRequest], _ options: PictureOptions) throws -> (size: PictureSize, plan: SamplingPlan) {
        let size = try checked(options.size ?? diffusion.usualSize)
        if diffusion.takesGuidance, let request = requests.first(where: { $0.negative?.isEmpty == false }) {
            throw MongeError.usage(
                "\(request.name) has a negative prompt, which acts in a second pass without the text; this model takes the scale of guidance as an "
                    + "input and makes none")
        }
        let scale = options.guidance ?? diffusion.usualGuidance
        if !diffusion.takesGuidance, scale <= 1, let request = requests.first(where: { $0.negative?.isEmpty == false }) {
            throw MongeError.usage(
                "\(request.name) has a negative prompt, which acts through guidance; with a scale of \(scale) there is none: give a scale above 1, "
                    + "or no negative prompt")
        }
        let beginsFromPictures = requests.contains { $0.initial != nil }
        guard !beginsFromPictures || requests.allSatisfy({ $0.initial != nil }) else {
            throw MongeError.usage("some pictures begin from a picture and some do not; draw them apart")
        }
        let skipping = beginsFromPictures ? SamplingRequest.skipped(steps: options.steps, strength: Double(options.denoise)) : 0
        guard !beginsFromPictures || skipping < options.steps else {
            throw MongeError.usage("of \(options.steps) steps, a part of \(options.denoise) is none: give more steps, or a larger part")
        }
        let plan = try scheduler(options).plan(
            diffusion.samplingRequest(steps: options.steps, skipping: skipping, size: size))
        return (size, plan)
    }

    /// - Throws: ``MongeError/usage(_:)`` for a size that the model does not draw.
    func checked(_ size: PictureSize) throws -> PictureSize {
        let step = diffusion.sizeStep
        guard size.width > 0, size.height > 0, size.width % step == 0, size.height % step == 0 else {
            throw MongeError.usage("a size of \(size) pixels: the model draws multiples of \(step) along both sides")
        }
        guard size.width <= 16_384, size.height <= 16_384 else {
            throw MongeError.usage("a size of \(size) pixels: at most 16384 along a side")
        }
        return size
    }

    /// How a picture was drawn, as programs that draw write it into their pictures.
    public func settings(of request: PictureRequest, _ options: PictureOptions) throws -> PictureSettings {
        let size = options.size ?? diffusion.usualSize
        var more = request.steering.map { entry in
            let range = entry.range == 0..<1 ? "" : " from \(entry.range.lowerBound) to \(entry.range.upperBound)"
            let half = entry.half == .both ? "" : ", \(entry.half.rawValue) alone"
            let description = entry.steer.map.description
            return ("Map", "\(description.sourceName) to \(description.targetName) at \(entry.steer.strength)\(range)\(half)")
        }
        if request.initial != nil { more.append(("Denoising strength", "\(options.denoise)")) }
        if options.rescale != 0 { more.append(("CFG rescale", "\(options.rescale)")) }
        return PictureSettings(
            prompt: request.prompt, negativePrompt: request.negative ?? "", steps: options.steps,
            sampler: try scheduler(options).displayName, guidance: Double(options.guidance ?? diffusion.usualGuidance),
            seed: request.seed, width: size.width, height: size.height, model: url.lastPathComponent, more: more)
    }

    /// The extents of the latents of pictures of a size, channels last.
    func latentShape(_ size: PictureSize, images: Int) -> Shape {
        [
            images, size.height / diffusion.autoencoder.reduction, size.width / diffusion.autoencoder.reduction,
            diffusion.autoencoder.latentChannels,
        ]
    }
}
