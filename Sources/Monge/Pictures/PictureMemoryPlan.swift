import Models
import Tensors

/// How a budget on the memory of the process is divided when pictures are drawn, found by a rehearsal: small latents go through the network and
/// the autoencoder, and what they took is measured. Both grow with the pixels and no faster.
struct PictureMemoryPlan {
    /// How many pictures are drawn together.
    let batch: Int
    /// Nil where a picture is decoded whole.
    let tiles: TiledDecoding?
    /// What was chosen, and for what.
    let notice: String

    /// For what the system rounds up and the program's own arrays.
    private static let reserve = 16 << 20
    /// The latents along each side of what is rehearsed.
    private static let side = 16

    /// - Parameters:
    ///   - images: Of each picture that go through the network together: two with guidance.
    ///   - batch: The most pictures that may be drawn together.
    /// - Throws: ``MongeError/memoryBudget(_:)`` for a budget in which not one picture of the size can be drawn.
    init(budget: Int, size: PictureSize, images: Int, batch: Int, model: PictureModel) throws {
        ProcessMemory.returnFreedMemory()
        let (backend, diffusion) = (model.backend, model.diffusion)
        let shape = model.latentShape(size, images: 1)
        let side = min(Self.side, shape[1], shape[2])
        let latents = try backend.upload([Float](repeating: 0.1, count: side * side * shape[3]), [1, side, side, shape[3]])
        func taken(_ work: () throws -> Void) throws -> Int {
            try backend.limitMemory(to: nil)
            let before = backend.tensorMemory.inUse
            try work()
            try backend.synchronize()
            let peak = backend.tensorMemory.peak
            try backend.limitMemory(to: 0)
            return max(peak - before, 0)
        }
        let decoding = try taken { _ = try diffusion.autoencoder.decode(latents) }
        let encoded = try diffusion.encode([model.prompts.tokens("")])
        try encoded.run(context: ForwardContext(backend: backend, siteCount: diffusion.sites.count))
        let conditioning = try encoded.conditioning(for: size)
        let denoising = try taken {
            try diffusion.denoise(latents, timestep: 500, conditioning)
                .run(context: ForwardContext(backend: backend, siteCount: diffusion.sites.count))
        }
        let fixed = ProcessMemory.residentBytes + ProcessMemory.untouchedFileBytes() + backend.tensorMemory.outsideProcess
        let available = budget - fixed - Self.reserve
        let pixels = shape[1] * shape[2]
        let perPicture = images * denoising / (side * side) * pixels
        let perLatent = max(decoding / (side * side), 1)
        let smallest = perLatent * min(pixels, TiledDecoding.smallestSide * TiledDecoding.smallestSide)
        // What the pixels of the picture take on the host while tiles are put together.
        let together = pixels * diffusion.autoencoder.reduction * diffusion.autoencoder.reduction * 4 * MemoryLayout<Float>.stride
        let least = fixed + Self.reserve + max(perPicture, smallest + together)
        guard available >= perPicture, available >= smallest + together else {
            throw MongeError.memoryBudget(
                "a budget of \(ByteCount(budget)) is too little: the program and the model take \(ByteCount(fixed)), a step of one picture of "
                    + "\(size) pixels \(ByteCount(perPicture)), decoding it in the smallest tiles \(ByteCount(smallest + together)); "
                    + "\(ByteCount(roundedUp: least)) would do, or a smaller picture")
        }
        self.batch = max(min(batch, available / max(perPicture, 1)), 1)
        if perLatent * pixels <= available {
            tiles = nil
        } else {
            tiles = TiledDecoding(side: Int(Double((available - together) / perLatent).squareRoot()))
        }
        notice =
            "of \(ByteCount(budget)), the program and the model take \(ByteCount(fixed)), a step of a picture \(ByteCount(perPicture)): up to "
            + "\(self.batch) are drawn together; "
            + (tiles.map { "decoded in tiles of \($0.side)×\($0.side) latents, \(ByteCount(perLatent * $0.side * $0.side)) each" }
                ?? "decoded whole, \(ByteCount(perLatent * pixels))")
        try backend.limitMemory(to: backend.tensorMemory.inUse + available)
    }
}
