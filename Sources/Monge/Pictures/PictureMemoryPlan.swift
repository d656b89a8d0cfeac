import ModelFiles
import Models
import Tensors

/// How a budget on the memory of the process is kept when pictures are drawn: which weights are there at once, how many pictures are drawn
/// together, and in what tiles they are decoded.
///
/// What tensors take is found beforehand on a ``RehearsalBackend``, which computes nothing: texts are encoded, a step is done and a picture is
/// decoded at full size. Weights come and go by what runs (``WeightStore``): the text encoders, then the network, then the autoencoder.
final class PictureMemoryPlan {
    /// What runs, and what it takes beside weights.
    enum Phase: CaseIterable {
        case encodingTexts, encodingPictures, denoising, decoding
    }

    /// How many pictures are drawn together.
    let batch: Int
    /// Nil where a picture is decoded whole.
    let tiles: TiledDecoding?
    /// What was chosen, and for what.
    let notice: String

    private let model: PictureModel
    private let needs: [Phase: Need]
    /// For weights and tensors.
    private let available: Int
    private var current: Phase?

    /// What a phase takes.
    private struct Need {
        let weights: [WeightStore.Summary]
        /// Of tensors and of the host's arrays.
        var tensors = 0

        var components: [String] { weights.map(\.component) }
        var weightBytes: Int { weights.reduce(0) { $0 + $1.byteCount } }
        /// With one weight at a time.
        var least: Int { tensors + (weights.map { $0.largest + $0.loading }.max() ?? 0) }
        /// With all weights.
        var most: Int { tensors + loading + weightBytes }
        var loading: Int { weights.map(\.loading).max() ?? 0 }

        /// What is left for weights.
        func room(in available: Int) -> Int { available - tensors - loading }
    }

    /// - Parameters:
    ///   - images: Of each picture that go through the network together: two with guidance.
    ///   - batch: The most pictures that may be drawn together.
    ///   - count: How many are drawn in all.
    ///   - beginsFromPictures: Whether pictures are encoded first.
    /// - Throws: ``MongeError/memoryBudget(_:)`` for a budget in which not one picture of the size can be drawn.
    init(
        budget: Int, size: PictureSize, images: Int, batch: Int, count: Int, beginsFromPictures: Bool, model: PictureModel
    ) throws {
        self.model = model
        let (backend, diffusion) = (model.backend, model.diffusion)
        ProcessMemory.returnFreedMemory()
        diffusion.weights.release()
        try backend.limitMemory(to: 0)
        MappedFile.letGoOfAll()
        let rehearsal = try DrawingRehearsal(model, size: size)
        let pixels = size.width * size.height
        // Pictures, latents and noise until the end, and the files that are written of them.
        let results = count * (9 * pixels + 8 * rehearsal.latents.count)
        let program = ProcessMemory.residentBytes + ProcessMemory.untouchedProgramBytes() + backend.tensorMemory.outsideProcess
        let fixed = program + UnforeseenMemory.bytes(on: backend) + results
        let available = budget - fixed
        self.available = available

        let summaries = diffusion.weights.summaries
        func need(_ isMeant: (String) -> Bool, _ tensors: Int) -> Need {
            Need(weights: summaries.filter { isMeant($0.component) }, tensors: tensors)
        }
        let (text, step) = try (rehearsal.encoding(), rehearsal.step(images: images))
        let smallest = TiledDecoding(side: TiledDecoding.smallestSide)
        var needs: [Phase: Need] = [
            .encodingTexts: need({ $0.hasPrefix("text_encoder") }, text),
            .denoising: need({ $0 == "unet" || $0 == "transformer" }, step),
            .decoding: need({ $0 == "vae" }, try rehearsal.decoding(smallest)),
        ]
        if beginsFromPictures { needs[.encodingPictures] = need({ $0 == "vae" }, try rehearsal.encodingPictures()) }
        let least = needs.values.map(\.least).max()!
        guard least <= available else {
            throw MongeError.memoryBudget(
                "a budget of \(ByteCount(budget)) is too little: the program takes \(ByteCount(fixed)), and beside one weight at a time "
                    + "the text encoders take \(ByteCount(text)), a step of one picture of \(size) pixels \(ByteCount(step)), "
                    + "decoding it in the smallest tiles \(ByteCount(needs[.decoding]!.tensors))"
                    + (beginsFromPictures ? ", encoding a picture \(ByteCount(needs[.encodingPictures]!.tensors))" : "")
                    + "; \(ByteCount(roundedUp: fixed + least)) would do, or a smaller picture")
        }
        /// How often something fits beside a phase's weights; where not all of these fit, half of the room is theirs.
        func times(_ tensors: Int, _ need: Need) -> Int {
            let room = available - need.loading
            let beside = need.weightBytes + tensors <= room ? room - need.weightBytes : room / 2
            return max(beside / max(tensors, 1), 1)
        }
        self.batch = min(batch, count, times(text, needs[.encodingTexts]!), times(step, needs[.denoising]!))
        needs[.encodingTexts]!.tensors = text * self.batch
        needs[.denoising]!.tensors = step * self.batch
        let decoder = needs[.decoding]!
        let beside = decoder.most <= available ? decoder.weightBytes : decoder.weights.map(\.largest).max() ?? 0
        (tiles, needs[.decoding]!.tensors) = try rehearsal.tiles(within: available - decoder.loading - beside)
        self.needs = needs
        notice = Self.notice(
            budget: budget, fixed: fixed, available: available, needs: needs, batch: self.batch, step: step, tiles: tiles)
    }

    private static func notice(
        budget: Int, fixed: Int, available: Int, needs: [Phase: Need], batch: Int, step: Int, tiles: TiledDecoding?
    ) -> String {
        let ordered = Phase.allCases.compactMap { needs[$0] }
        let summaries = ordered.flatMap(\.weights).reduce(into: [WeightStore.Summary]()) { found, next in
            if !found.contains(where: { $0.component == next.component }) { found.append(next) }
        }
        let list = summaries.map { "\($0.component) \(ByteCount($0.byteCount))" }.joined(separator: ", ")
        let whole = summaries.reduce(0) { $0 + $1.byteCount }
        let weights: String
        if ordered.allSatisfy({ whole <= $0.room(in: available) }) {
            weights = "all weights stay (\(list))"
        } else {
            let streamed = ordered.filter { $0.weightBytes > $0.room(in: available) }
            let parts = streamed.map {
                "of \($0.components.joined(separator: " and ")), \(ByteCount(max($0.room(in: available), 0))) stay and the rest is read anew each time"
            }
            weights = (["weights are loaded and released in turn (\(list))"] + parts).joined(separator: "; ")
        }
        let decoding = ByteCount(needs[.decoding]!.tensors)
        return
            "of \(ByteCount(budget)), the program takes \(ByteCount(fixed)); \(weights); a step of a picture takes \(ByteCount(step)): up to "
            + "\(batch) are drawn together; "
            + (tiles.map { "decoded in tiles of \($0.side)×\($0.side) latents, \(decoding)" } ?? "decoded whole, \(decoding)")
    }

    /// Makes room for what runs next, once.
    func begin(_ phase: Phase) throws {
        guard current != phase, let need = needs[phase] else { return }
        current = phase
        let backend = model.backend
        let missing = model.diffusion.weights.prepare(need.components, within: need.room(in: available))
        // Where weights come and go all the time, no memory is kept for later.
        try backend.limitMemory(to: missing.map { backend.tensorMemory.inUse + $0 + need.tensors } ?? 0)
    }

    /// Ends the plan: from here on nothing is limited.
    func end() {
        model.diffusion.weights.limit(to: nil)
        try? model.backend.limitMemory(to: nil)
    }
}
