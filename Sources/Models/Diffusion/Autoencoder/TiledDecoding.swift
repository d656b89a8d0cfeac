import Tensors

/// Decoding in tiles that overlap, so that what it takes does not grow with the picture.
///
/// Where tiles overlap their pixels are blended, the weight of each falling to zero towards its edge. Norms see a tile at a time, so that the
/// picture is near, not equal, to the one that is decoded whole.
public struct TiledDecoding: Sendable, Equatable {
    /// The latents along each side of a tile.
    public var side: Int

    /// - Parameter side: At least 4.
    public init(side: Int) { self.side = max(side, 4) }

    /// The smallest tiles that a budget may ask for: real pictures come within 43 dB of the whole there, and within 36 dB only in tiles of half
    /// the size, in which norms see less.
    public static let smallestSide = 64

    /// The latents that neighbouring tiles share, at least.
    private var overlap: Int { side / 4 }

    /// Where tiles begin along an axis of latents.
    func starts(_ extent: Int) -> [Int] {
        guard extent > side else { return [0] }
        let count = (extent - overlap + side - overlap - 1) / (side - overlap)
        return (0..<count).map { $0 * (extent - side) / (count - 1) }
    }

    /// The weights of a tile's pixels along an axis, before they are made to add up to one.
    /// - Parameter scale: Pixels of the picture for each of the latents.
    func weights(start: Int, extent: Int, scale: Int) -> [Float] {
        let (length, ramp) = (min(side, extent) * scale, Float(overlap * scale))
        return (0..<length).map { pixel in
            let fromLeft = start == 0 ? 1 : min((Float(pixel) + 0.5) / ramp, 1)
            let fromRight = start + side >= extent ? 1 : min((Float(length - pixel) - 0.5) / ramp, 1)
            return fromLeft * fromRight
        }
    }
}

extension Autoencoder {
    /// Decodes the latents of one picture, in tiles where they are given and the picture is larger than one.
    /// - Parameter latents: `[1, height, width, channels]` f32.
    /// - Returns: `[height, width, channels]`, from −1 to 1.
    public func pixels(_ latents: Tensor, tiles: TiledDecoding?) throws -> [Float] {
        let (height, width) = (latents.shape[1], latents.shape[2])
        guard let tiles, max(height, width) > tiles.side else { return try backend.readFloats(decode(latents)) }
        let scale = reduction
        var (sum, total, channels) = ([Float](), [Float](repeating: 0, count: height * width * scale * scale), 0)
        for top in tiles.starts(height) {
            let rows = tiles.weights(start: top, extent: height, scale: scale)
            let band = try backend.slice(latents, axis: 1, top..<min(top + tiles.side, height))
            for left in tiles.starts(width) {
                let columns = tiles.weights(start: left, extent: width, scale: scale)
                let decoded = try decode(backend.slice(band, axis: 2, left..<min(left + tiles.side, width)))
                channels = decoded.shape.channels
                if sum.isEmpty { sum = [Float](repeating: 0, count: total.count * channels) }
                let values = try backend.readFloats(decoded)
                for (row, vertical) in rows.enumerated() {
                    for (column, horizontal) in columns.enumerated() {
                        let place = (top * scale + row) * width * scale + left * scale + column
                        let weight = vertical * horizontal
                        total[place] += weight
                        for channel in 0..<channels {
                            sum[place * channels + channel] += weight * values[(row * columns.count + column) * channels + channel]
                        }
                    }
                }
            }
        }
        for place in total.indices {
            for channel in 0..<channels { sum[place * channels + channel] /= total[place] }
        }
        return sum
    }
}
