import Foundation

extension Picture {
    /// How the pixels of another size are made, as in Pillow: weighted means over as many pixels as one of the result stands for.
    public enum Resampling: Int, Sendable, CaseIterable {
        /// A tent of one pixel to either side.
        case bilinear = 2
        /// Keys' cubic with a = −1/2, two pixels to either side.
        case bicubic = 3

        fileprivate var support: Double { self == .bilinear ? 1 : 2 }

        fileprivate func weight(_ distance: Double) -> Double {
            let x = abs(distance)
            switch self {
            case .bilinear: return x < 1 ? 1 - x : 0
            case .bicubic:
                if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
                return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
            }
        }
    }

    /// The picture at another size, bit for bit as Pillow's `Image.resize` makes it of eight-bit channels: along rows, then along columns, with
    /// weights of 22 bits and pixels rounded in between.
    public func resampled(width newWidth: Int, height newHeight: Int, _ resampling: Resampling) -> Picture {
        precondition(newWidth > 0 && newHeight > 0, "a picture has at least one pixel")
        var (result, columns) = (pixels, width)
        if newWidth != width {
            result = Self.resampled(result, count: height, step: width * 3, extent: width, stride: 3, to: newWidth, resampling)
            columns = newWidth
        }
        if newHeight != height {
            // Columns are read down and written as rows, and turned back.
            let turned = Self.resampled(result, count: columns, step: 3, extent: height, stride: columns * 3, to: newHeight, resampling)
            var upright = [UInt8](repeating: 0, count: turned.count)
            for column in 0..<columns {
                for row in 0..<newHeight {
                    for channel in 0..<3 {
                        upright[(row * columns + column) * 3 + channel] = turned[(column * newHeight + row) * 3 + channel]
                    }
                }
            }
            result = upright
        }
        return Picture(width: newWidth, height: newHeight, pixels: result)
    }

    /// Lines of another length.
    /// - Parameters:
    ///   - count: Of lines, `step` apart.
    ///   - extent: The pixels of a line, `stride` apart.
    private static func resampled(
        _ pixels: [UInt8], count: Int, step: Int, extent: Int, stride: Int, to newExtent: Int, _ resampling: Resampling
    ) -> [UInt8] {
        let scale = Double(extent) / Double(newExtent)
        let widening = max(scale, 1)
        let support = resampling.support * widening
        let taps = (0..<newExtent).map { place -> (first: Int, weights: [Int]) in
            let centre = (Double(place) + 0.5) * scale
            let first = max(Int(centre - support + 0.5), 0)
            let end = min(Int(centre + support + 0.5), extent)
            let weights = (first..<end).map { resampling.weight((Double($0) - centre + 0.5) / widening) }
            let total = weights.reduce(0, +)
            return (first, weights.map { Int((($0 / total) * Double(1 << 22)).rounded(.toNearestOrAwayFromZero)) })
        }
        var result: [UInt8] = []
        result.reserveCapacity(count * newExtent * 3)
        for line in 0..<count {
            for (first, weights) in taps {
                for channel in 0..<3 {
                    var sum = 1 << 21
                    for (offset, weight) in weights.enumerated() {
                        sum += Int(pixels[line * step + (first + offset) * stride + channel]) * weight
                    }
                    result.append(UInt8(min(max(sum >> 22, 0), 255)))
                }
            }
        }
        return result
    }

    /// The middle of the picture.
    /// - Precondition: It is no larger than the picture.
    public func centre(width newWidth: Int, height newHeight: Int) -> Picture {
        precondition(newWidth <= width && newHeight <= height && newWidth > 0 && newHeight > 0)
        let (left, top) = ((width - newWidth) / 2, (height - newHeight) / 2)
        var rows: [UInt8] = []
        for row in top..<top + newHeight {
            let start = (row * width + left) * 3
            rows += pixels[start..<start + newWidth * 3]
        }
        return Picture(width: newWidth, height: newHeight, pixels: rows)
    }
}
