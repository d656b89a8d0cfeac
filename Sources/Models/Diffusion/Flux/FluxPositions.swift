import Foundation
import Tensors

/// The rotary angles of text and image tokens: text stands at the origin, a patch at its row and column.
final class FluxPositions {
    private let axes: [Int]
    private var known: (key: Key, cosines: Tensor, sines: Tensor)?

    private struct Key: Equatable { var text, height, width: Int }

    private static let base = 10_000.0

    /// - Parameter axes: The channels of a head that turn by index, row and column.
    init(axes: [Int]) { self.axes = axes }

    /// `[text + height · width, channels of a head / 2]` f32, both; made once for each size.
    func tables(text: Int, height: Int, width: Int, on backend: any Backend) throws -> (cosines: Tensor, sines: Tensor) {
        let key = Key(text: text, height: height, width: width)
        if let known, known.key == key { return (known.cosines, known.sines) }
        let shape: Shape = [text + height * width, axes.reduce(0, +) / 2]
        if backend.isRehearsal { return (try backend.allocate(shape, .f32), try backend.allocate(shape, .f32)) }
        let places =
            [[Double]](repeating: [0, 0, 0], count: text) + (0..<height * width).map { [0, Double($0 / width), Double($0 % width)] }
        // Of index, row and column in turn; in f64, as diffusers has it.
        let frequencies = axes.map { dimensions in
            stride(from: 0, to: dimensions, by: 2).map { 1 / pow(Self.base, Double($0) / Double(dimensions)) }
        }
        let angles = places.flatMap { place in zip(place, frequencies).flatMap { position, row in row.map { position * $0 } } }
        let cosines = try backend.upload(angles.map { Float(cos($0)) }, shape)
        let sines = try backend.upload(angles.map { Float(sin($0)) }, shape)
        known = (key, cosines, sines)
        return (cosines, sines)
    }
}
