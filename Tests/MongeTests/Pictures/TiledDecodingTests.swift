import CPUBackend
import Foundation
import Models
import Monge
import Pictures
import Tensors
import Testing

/// An autoencoder in which every pixel follows from one of the latents, so that tiles make the same picture.
private final class RepeatingAutoencoder: Autoencoder {
    let backend: any Backend = CPUBackendForTests.shared()
    let latentChannels = 3
    let reduction = 2
    let givesDistributions = false
    private(set) var largestTile = 0

    func encode(_ pictures: Tensor, noise: Tensor?, on backend: any Backend) throws -> Tensor { pictures }

    func decode(_ latents: Tensor, on backend: any Backend) throws -> Tensor {
        largestTile = max(largestTile, latents.shape[1], latents.shape[2])
        return try backend.upsample(latents, height: 2 * latents.shape[1], width: 2 * latents.shape[2], .nearest)
    }
}

private enum CPUBackendForTests {
    static func shared() -> any Backend { try! CPUBackend() }
}

@Suite struct TiledDecodingTests {
    /// Weights add up to one, and every tile lies where it belongs: sums of a few products in f32, of numbers up to 1.
    @Test(arguments: [(16, 16), (17, 40), (64, 5), (33, 31)])
    func tilesMakeTheWholePicture(height: Int, width: Int) throws {
        let autoencoder = RepeatingAutoencoder()
        let values = (0..<height * width * 3).map { Float($0 * 7919 % 1009) / 1009 }
        let latents = try autoencoder.backend.upload(values, [1, height, width, 3])
        let whole = try autoencoder.pixels(latents, tiles: nil)
        let tiled = try autoencoder.pixels(latents, tiles: TiledDecoding(side: 16))
        #expect(whole.count == 4 * values.count && tiled.count == whole.count)
        #expect(zip(whole, tiled).allSatisfy { abs($0 - $1) <= 1e-6 })
        let alone = RepeatingAutoencoder()
        _ = try alone.pixels(latents, tiles: TiledDecoding(side: 16))
        #expect(alone.largestTile <= 16)
    }

    /// The trained autoencoder on real pictures side by side: 40 dB and more, where norms see a tile at a time.
    @Test func tilesOfATrainedDecoderAreNearTheWhole() throws {
        let model = try PictureModel.load(TestModel.fixtures.appending(path: "emoji/model"), on: CPUBackend())
        let autoencoder = model.diffusion.autoencoder
        let sheet = try Picture(path: TestModel.fixtures.appending(path: "emoji/sheet.png").path)
        let side = 384
        #expect(sheet.width >= side && sheet.height >= side)
        var pixels: [Float] = []
        for row in 0..<side {
            let first = row * sheet.width * 3
            for byte in sheet.pixels[first..<first + 3 * side] { pixels.append(Float(byte) / 127.5 - 1) }
        }
        let latents = try autoencoder.encode(model.backend.upload(pixels, [1, side, side, 3]), noise: nil)
        let whole = try autoencoder.pixels(latents, tiles: nil)
        for tile in [TiledDecoding.smallestSide, 80] {
            let tiled = try autoencoder.pixels(latents, tiles: TiledDecoding(side: tile))
            let decibels = PictureDifference.decibels(tiled, whole)
            print("tiles of \(tile) latents: \(decibels) dB against the whole")
            #expect(decibels >= 40)
        }
    }

    /// A budget changes what is done at once, not the pictures; one that nothing fits into is refused with what would do.
    @Test func budgetsAreKeptOrRefused() throws {
        let model = try PictureModel.load(URL(fileURLWithPath: DiffusionFixture.path("sd1")), on: CPUBackend())
        var options = PictureOptions(steps: 2, size: PictureSize(width: 64, height: 48))
        let requests = (0..<3).map { PictureRequest("a cat", seed: $0) }
        let plain = try model.draw(requests, options: options)
        options.memory = 8 << 30
        var notices: [String] = []
        let budgeted = try model.draw(requests, options: options, notice: { notices.append($0) })
        #expect(plain.map(\.picture) == budgeted.map(\.picture))
        #expect(notices.count == 2 && notices[0].contains("decoded whole") && notices[1].contains("resident"), "\(notices)")
        options.memory = 1 << 20
        let error = #expect(throws: MongeError.self) { try model.draw(requests, options: options) }
        guard case .memoryBudget(let sentence)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(sentence.contains("would do"))
    }
}
