import Models
import Tensors

/// What the network is given at the captured steps of a schedule, for captions whose noise has the seeds seed, seed + 1 and so on.
///
/// The first step's input is fresh noise. Those of later steps come from drawing the captions with the model as it is, with guidance and without
/// maps, along the schedule. Captured steps are spread evenly over it, from the first on: of 20 steps and 4 captured, steps 1, 6, 11 and 16.
struct CapturedSteps {
    /// The input of one step for captions that share a forward pass.
    struct Batch {
        let captions: Range<Int>
        let timestep: Float
        /// `[captions, height, width, channels]` f32.
        let latents: () throws -> Tensor
        /// Which of the captured steps this is.
        fileprivate let step: Int
    }

    /// How many pixels of latents a batch has at most, over its captions.
    private static let pixelsPerBatch = 1 << 12

    let size: PictureSize
    /// Step by step, and within one caption by caption.
    let batches: [Batch]
    let count: Int

    /// - Parameters:
    ///   - count: Of steps.
    ///   - drawing: The steps of the schedule, the scheduler, the size, and the guidance that later steps are come to with.
    init(
        _ count: Int, of captions: [String], seed: UInt64, drawing: PictureOptions, model: PictureModel, progress: ProgressHandler?
    ) throws {
        guard (1...drawing.steps).contains(count) else {
            throw MongeError.usage("of \(drawing.steps) steps, \(count) cannot be captured: give 1 to \(drawing.steps)")
        }
        let size = try model.checked(drawing.size ?? model.diffusion.usualSize)
        let plan = try model.scheduler(drawing).plan(model.diffusion.samplingRequest(steps: drawing.steps, size: size))
        let shape = model.latentShape(size, images: 1)
        let together = min(max(Self.pixelsPerBatch / (shape[1] * shape[2]), 1), 16)
        let ranges = stride(from: 0, to: captions.count, by: together).map { $0..<min($0 + together, captions.count) }
        let first = FirstStep(plan, size: size, seed: seed, model: model)
        // Schedulers that take two steps for one in the beginning have more than were asked for.
        let steps = (0..<count).map { $0 * plan.steps.count / count }
        var batches = ranges.map { range in Batch(captions: range, timestep: first.timestep, latents: { try first.latents(range) }, step: 0)
        }
        if count > 1 {
            var done = 0
            for range in ranges {
                let requests = range.map { PictureRequest(captions[$0], seed: seed &+ UInt64($0), name: "caption \($0 + 1)") }
                let drawn = try Drawing(requests, size: size, plan: plan, options: drawing, memory: nil, model: model)
                while drawn.done <= steps.last! {
                    if drawn.done > 0, let step = steps.firstIndex(of: drawn.done) {
                        // On the host: a device's memory is for what is computed with.
                        let numbers = try model.backend.readFloats(drawn.input)
                        batches.append(
                            Batch(
                                captions: range, timestep: drawn.timestep,
                                latents: { try model.backend.upload(numbers, model.latentShape(size, images: range.count)) }, step: step))
                    }
                    guard drawn.done < steps.last!, try drawn.step() else { break }
                    done += range.count
                    try progress?(
                        Progress(
                            activity: "drawing up to the captured steps", done: done, total: captions.count * steps.last!,
                            unit: "steps of pictures"))
                }
            }
        }
        self.size = size
        self.count = count
        self.batches = batches.enumerated().sorted { ($0.element.step, $0.offset) < ($1.element.step, $1.offset) }.map(\.element)
    }

    /// The rows that a batch's samples fill.
    /// - Parameter captions: How many there are of them in all.
    func samples(_ batch: Batch, captions: Int) -> Range<Int> {
        batch.step * captions + batch.captions.lowerBound..<batch.step * captions + batch.captions.upperBound
    }
}

/// The first step of a schedule, from the noise of seeds.
struct FirstStep {
    let timestep: Float
    private let size: PictureSize
    private let seed: UInt64
    private let scale: Float
    private let model: PictureModel

    init(_ plan: SamplingPlan, size: PictureSize, seed: UInt64, model: PictureModel) {
        let step = plan.steps[0]
        timestep = Float(step.timestep)
        scale = Float(plan.initialNoiseScale * step.inputScale)
        self.size = size
        self.seed = seed
        self.model = model
    }

    /// What the network is given: `[samples, height, width, channels]` f32.
    func latents(_ samples: Range<Int>) throws -> Tensor {
        let shape = model.latentShape(size, images: samples.count)
        let noise = samples.flatMap { sample in
            var generator = TorchGenerator(seed: seed &+ UInt64(sample))
            return generator.image(height: shape[1], width: shape[2], channels: shape[3])
        }
        let latents = try model.backend.upload(noise, shape)
        return scale == 1 ? latents : try model.backend.scale(latents, by: scale)
    }
}
