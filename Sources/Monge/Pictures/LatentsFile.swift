import Foundation
import ModelFiles
import Models
import Pictures
import Tensors

/// Latents of pictures as a file, to compare programs by: a safetensors file with the f32 tensors `noise`, what sampling began from, and `latents`,
/// what it ended with, each `[pictures, channels, height, width]` as PyTorch has them.
public struct LatentsFile: Sendable {
    /// Of each picture, `[height, width, channels]`.
    public var noise: [[Float]]

    /// Writes the latents of pictures of one size; the file is complete or absent.
    /// - Parameter reduction: How many pixels of a picture one of the latents stands for, along each side.
    public static func write(_ pictures: [DrawnPicture], reduction: Int, to url: URL) throws {
        let first = pictures[0].picture
        let (height, width) = (first.height / reduction, first.width / reduction)
        let channels = pictures[0].latents.count / (height * width)
        func planes(_ values: [Float]) -> [Float] {
            (0..<channels).flatMap { channel in (0..<height * width).map { values[$0 * channels + channel] } }
        }
        let shape: Shape = [pictures.count, channels, height, width]
        try SafetensorsWriter.write(
            [
                SafetensorsWriter.Entry(name: "noise", shape: shape, floats: pictures.flatMap { planes($0.noise) }),
                SafetensorsWriter.Entry(name: "latents", shape: shape, floats: pictures.flatMap { planes($0.latents) }),
            ], metadata: ["format": "monge-latents"], to: url.path)
    }

    /// Reads the noise of a file: `noise`, or its only tensor.
    public init(contentsOf url: URL) throws {
        let file = try SafetensorsFile(path: url.path)
        let name = file.contains(tensor: "noise") ? "noise" : file.tensorNames.count == 1 ? file.tensorNames[0] : "noise"
        let tensor = try file.tensor(name)
        guard tensor.shape.rank == 4, tensor.shape.count > 0 else {
            throw MongeError.failed(
                "\(url.lastPathComponent): \(name) has shape \(tensor.shape), expected [pictures, channels, height, width]")
        }
        let values = try tensor.floats()
        guard values.isFinite else { throw MongeError.failed("\(url.lastPathComponent): \(name) holds numbers that are not finite") }
        let (channels, pixels) = (tensor.shape[1], tensor.shape[2] * tensor.shape[3])
        noise = (0..<tensor.shape[0]).map { picture in
            (0..<pixels).flatMap { pixel in (0..<channels).map { values[(picture * channels + $0) * pixels + pixel] } }
        }
    }
}
