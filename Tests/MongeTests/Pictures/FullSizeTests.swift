import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// Models of the full size with random weights (tools/parity/make_full_size.py), in the folders that `MONGE_FULL_SIZE` names, a colon between
/// two: gigabytes, and minutes.
@Suite(.serialized) struct FullSizeTests {
    private static let folders = ProcessInfo.processInfo.environment["MONGE_FULL_SIZE"]?.split(separator: ":").map(String.init) ?? []

    /// One step against diffusers in f32: f32 here as well, and sums of some thousand products through some hundred layers.
    @Test(.enabled(if: !folders.isEmpty), arguments: folders) func aStepAgrees(folder: String) throws {
        let reference = try SafetensorsFile(path: folder + "/reference.safetensors")
        let model = try PictureModel.load(
            URL(fileURLWithPath: folder), on: DeviceChoice.fromEnvironment().open(), options: DiffusionModelOptions(activations: .f32))
        let backend = model.backend
        func tensor(_ name: String) throws -> Tensor { try backend.upload(reference.floats(name), reference.tensor(name).shape) }
        var conditioning = DenoisingConditioning(text: try tensor("text"), pooledText: try tensor("pooled"))
        if reference.contains(tensor: "sizes") { conditioning.sizes = try reference.floats("sizes") }
        if reference.contains(tensor: "guidance") { conditioning.guidance = try reference.floats("guidance")[0] }
        let start = Date()
        let pass = try model.diffusion.denoise(tensor("latents"), timestep: reference.floats("timestep")[0], conditioning)
        try pass.run(context: ForwardContext(backend: backend))
        let found = try backend.readFloats(pass.output)
        let expected = try reference.floats("output")
        #expect(found.count == expected.count)
        let scale = expected.map(abs).max()!
        let largest = zip(found, expected).map { abs($0 - $1) }.max()!
        func energy(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }
        let mean = (energy(zip(found, expected).map { $0 - $1 }) / energy(expected)).squareRoot()
        print(
            "\(folder): differs by at most \(largest / scale) of the largest number, \(mean) in the mean; "
                + "\(Int(Date().timeIntervalSince(start))) s, at most \(ByteCount(ProcessMemory.peakBytes)) resident")
        #expect(largest <= 1e-3 * scale && mean <= 1e-3)
    }

    /// Smooth latents, as those of pictures are beside noise, decoded in tiles and as a whole by the decoder of the full size.
    @Test(.enabled(if: !folders.isEmpty)) func tilesAreNearTheWhole() throws {
        let model = try PictureModel.load(URL(fileURLWithPath: Self.folders[0]), on: DeviceChoice.fromEnvironment().open())
        let autoencoder = model.diffusion.autoencoder
        let (side, channels) = (96, autoencoder.latentChannels)
        let values = (0..<side * side * channels).map { index in
            let (row, column, channel) = (index / channels / side, index / channels % side, index % channels)
            return sin(Float(row) * 0.07 + Float(channel)) + cos(Float(column) * 0.05 - Float(channel))
        }
        let latents = try model.backend.upload(values, [1, side, side, channels])
        let whole = try autoencoder.pixels(latents, tiles: nil)
        for tile in [32, 64] {
            let tiled = try autoencoder.pixels(latents, tiles: TiledDecoding(side: tile))
            print("\(Self.folders[0]): tiles of \(tile) latents, \(PictureDifference.decibels(tiled, whole)) dB against the whole")
        }
    }
}
