import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing

/// Weights of text-to-image models: quantised while they are loaded, and coming and going within a limit.
@Suite struct PictureWeightsTests {
    private static let emoji = TestModel.fixtures.appending(path: "emoji/model")

    private static func load(_ url: URL = emoji, weights: DType? = nil, on backend: any Backend) throws -> PictureModel {
        try PictureModel.load(url, on: backend, options: DiffusionModelOptions(activations: .f32, weights: weights))
    }

    private static func latents(_ model: PictureModel, steering: [PictureSteer] = []) throws -> [Float] {
        let options = PictureOptions(steps: 1, guidance: 1)
        return try model.draw([PictureRequest("a red apple", seed: 5, steering: steering)], options: options)[0].latents
    }

    /// One step with the trained model in every type, against the weights as they are stored.
    ///
    /// A sub-block of n Gaussian weights of deviation σ spans some 2.1 σ to either side for n = 32 and 1.8 σ for n = 16; an error is uniform over a
    /// step: its deviation is the step over √12, relative to σ. Some 30 layers follow each other, whose errors add up in squares.
    @Test(arguments: Quantiser.types) func quantisedModelsDrawNearly(dtype: DType) throws {
        // Rows of this model are no multiple of 256: q6_K is q8_0 here, q5_K is q5_1 and q4_K is q5_0, but for three matrices.
        let steps: [DType: Double] = [
            .q8_0: 2.1 / 127, .q6_K: 2.1 / 31, .q5_K: 4.2 / 31, .q5_1: 4.2 / 31, .q5_0: 2.1 / 16, .q4_K: 4.2 / 15, .q4_1: 4.2 / 15,
            .q4_0: 2.1 / 8,
        ]
        let step = try #require(steps[dtype])
        let backend = try CPUBackend()
        let expected = try Self.latents(Self.load(on: backend))
        let found = try Self.latents(Self.load(weights: dtype, on: backend))
        func energy(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }
        let difference: [Float] = zip(found, expected).map { $0 - $1 }
        let error = (energy(difference) / energy(expected)).squareRoot()
        let bound = step / 12.0.squareRoot() * 30.0.squareRoot()
        #expect(error > 0 && error < bound, "\(dtype): \(error)")
    }

    /// What becomes of each weight follows from its kind and its rows: counted anew from the file.
    @Test(arguments: [DType.q8_0, .q4_K]) func weightsHaveTheirTypes(dtype: DType) throws {
        let model = try Self.load(weights: dtype, on: CPUBackend())
        let summary = try #require(model.diffusion.weights.summaries.first { $0.component == "unet" })
        let file = try DiffusersFolder(path: Self.emoji.path).weights("unet", variant: nil)
        var (bytes, count, quantised, otherwise, kept) = (0, 0, 0, 0, 0)
        for tensor in file.files.flatMap(\.tensors)
        where tensor.shape.rank == 2 && !tensor.name.contains("positional") || tensor.shape.rank == 4 {
            count += 1
            let (elements, row) = (tensor.shape.count, tensor.shape[1])
            // Linear layers that are stored as convolutions of one pixel.
            let isKernel = tensor.shape.rank == 4 && !tensor.name.contains(".proj_in.") && !tensor.name.contains(".proj_out.")
            if row % 32 != 0 {
                kept += 1
                bytes += 2 * elements
            } else if dtype == .q8_0 || isKernel {
                quantised += 1
                otherwise += dtype == .q8_0 ? 0 : 1
                bytes += elements / 32 * 34
            } else if row % 256 == 0 {
                quantised += 1
                bytes += elements / 256 * 144
            } else {
                quantised += 1
                otherwise += 1
                bytes += elements / 32 * 22
            }
        }
        #expect(summary.count == count && summary.byteCount == bytes)
        #expect(summary.quantised == quantised && summary.otherwise == otherwise && summary.kept == kept)
        let autoencoder = try #require(model.diffusion.weights.summaries.first { $0.component == "vae" })
        #expect(autoencoder.quantised == 0 && autoencoder.byteCount == autoencoder.storedByteCount)
        let notice = try #require(model.quantisationNotice)
        #expect(notice.contains("\(dtype)") && notice.contains("in the place of"), "\(notice)")
        #expect(try Self.load(on: CPUBackend()).quantisationNotice == nil)
    }

    /// A model is the same whatever its weights are quantised to: maps go over.
    @Test func mapsOfTheStoredModelAreTaken() throws {
        let backend = try CPUBackend()
        let plain = try Self.load(on: backend)
        let quantised = try Self.load(weights: .q8_0, on: backend)
        #expect(quantised.diffusion.fingerprint == plain.diffusion.fingerprint)
        let map = try plain.fit(
            source: ["a cat", "a dog", "a tree"], target: ["a red cat", "a red dog", "a red tree"], sites: [#"unet\.mid_block.*norm.*"#])
        let (without, with) = try (Self.latents(quantised), Self.latents(quantised, steering: [map.at(1).always]))
        #expect(without != with)
        #expect(try Self.latents(quantised, steering: [map.at(0).always]) == without)
    }

    @Test func whatCannotBeQuantisedIsRefusedByName() throws {
        let error = #expect(throws: ModelError.self) { try Self.load(weights: .f16, on: CPUBackend()) }
        #expect("\(error!)".contains("f16") && "\(error!)".contains("q4_K"))
        try withTemporaryFolder { path in
            let copy = path + "/model"
            try FileManager.default.copyItem(atPath: Self.emoji.path, toPath: copy)
            let name = "mid_block.attentions.0.transformer_blocks.0.ff.net.2.weight"
            let weights = try #require(try DiffusersFolder(path: copy).weights("unet", variant: nil).files.first)
            let place = try #require(weights.tensors.first { $0.name == name }).range.lowerBound
            let handle = try #require(FileHandle(forWritingAtPath: weights.name))
            try handle.seek(toOffset: UInt64(place))
            try handle.write(contentsOf: [0xFF, 0x7F])
            try handle.close()
            let model = try Self.load(URL(fileURLWithPath: copy), weights: .q4_0, on: CPUBackend())
            let error = #expect(throws: ModelError.self) { try Self.latents(model) }
            #expect("\(error!)".contains(name) && "\(error!)".contains("nan"), "\(error!)")
        }
    }

    /// With a third of the room that a component's weights take, what is drawn is the same bit for bit, and the limit is kept.
    @Test(arguments: ["sd1", "sdxl", "flux-dev"], [DeviceChoice.cpu, .vulkanIndex(0)])
    func weightsComeAndGo(name: String, device: DeviceChoice) throws {
        let model = try Self.load(URL(fileURLWithPath: DiffusionFixture.path(name)), on: device.open())
        let (store, backend) = (model.diffusion.weights, model.backend)
        let requests = [PictureRequest("a cat", negative: model.diffusion.takesGuidance ? nil : "red", seed: 3)]
        let options = PictureOptions(steps: 2, size: PictureSize(width: 32, height: 32))
        let expected = try model.draw(requests, options: options)[0]
        let whole = store.residentBytes
        #expect(whole == store.summaries.reduce(0) { $0 + $1.byteCount } || whole > 0)
        store.release()
        #expect(store.residentBytes == 0)
        let before = backend.tensorMemory.inUse
        for share in [3, 1000] {
            let limit = whole / share
            store.limit(to: limit)
            let drawn = try model.draw(requests, options: options)[0]
            #expect(drawn.picture == expected.picture && drawn.latents == expected.latents)
            #expect(store.residentBytes <= max(limit, store.summaries.map(\.largest).max()!))
            store.release()
            #expect(backend.tensorMemory.inUse <= before)
        }
    }

    /// The last used of a component's own weights go first, so that a pass finds at its beginning what the one before left there; of other
    /// components the longest unused.
    @Test func whatIsNeededSoonestStays() throws {
        let backend = try CPUBackend()
        let store = WeightStore(on: backend)
        var loads: [String] = []
        func weight(_ component: String, _ number: Int) -> LayerWeight {
            LayerWeight(
                store, shape: [256], dtype: .f32,
                WeightStore.Entry(
                    component: component, byteCount: 1024, storedByteCount: 1024, loading: 0, isCopied: true, outcome: .asStored
                ) {
                    loads.append("\(component)\(number)")
                    return (try backend.allocate([256], .f32), {})
                })
        }
        let (a, b) = ((0..<2).map { weight("a", $0) }, (0..<4).map { weight("b", $0) })
        store.limit(to: 3 * 1024)
        for weight in a + b + b { _ = try weight(on: backend) }
        // Room for three of b's four: all but one stay from the first pass to the second.
        #expect(loads == ["a0", "a1", "b0", "b1", "b2", "b3", "b2"])
        #expect(store.residentBytes == 3 * 1024)
        #expect(store.prepare(["a"], within: 4 * 1024) == 2 * 1024)
        #expect(store.residentBytes == 2 * 1024)
        #expect(store.prepare(["b"], within: 3 * 1024) == nil)
    }

    /// What a rehearsal says a step takes is what it takes, but for the CPU's rounding of sizes by up to an eighth.
    @Test(arguments: ["sd1", "sd2", "sdxl", "flux-dev"]) func rehearsalsTellWhatIsTaken(name: String) throws {
        let model = try Self.load(URL(fileURLWithPath: DiffusionFixture.path(name)), on: CPUBackend()).diffusion
        let texts = [PromptTokens(byEncoder: model.textLengths.map { [Int32](repeating: 1, count: min($0, 77)) })]
        let size = PictureSize(width: 64, height: 64)
        func peak(on backend: any Backend) throws -> (step: Int, decoding: Int) {
            let encoded = try model.encode(texts, on: backend)
            try encoded.run(context: ForwardContext(backend: backend, siteCount: model.sites.count))
            let conditioning = try encoded.conditioning(for: size)
            let side = 64 / model.autoencoder.reduction
            let latents = try backend.upload(
                [Float](repeating: 0.1, count: side * side * model.autoencoder.latentChannels),
                [1, side, side, model.autoencoder.latentChannels])
            func taken(_ work: () throws -> Void) throws -> Int {
                try work()
                try backend.limitMemory(to: nil)
                let before = backend.tensorMemory.inUse
                try work()
                return backend.tensorMemory.peak - before
            }
            return (
                try taken {
                    try model.denoise(latents, timestep: 500, conditioning, on: backend)
                        .run(context: ForwardContext(backend: backend, siteCount: model.sites.count))
                }, try taken { _ = try model.autoencoder.decode(latents, on: backend) }
            )
        }
        let real = try peak(on: model.backend)
        let rehearsed = try peak(on: RehearsalBackend(model.backend))
        for (found, expected) in [(rehearsed.step, real.step), (rehearsed.decoding, real.decoding)] {
            #expect(found <= expected && Double(expected) <= 1.125 * Double(found) + 8192, "\(name): \(found) for \(expected)")
        }
    }
}
