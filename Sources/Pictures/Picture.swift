/// A picture in the colours of screens (sRGB), eight bits each.
public struct Picture: Sendable, Equatable {
    public let width: Int
    public let height: Int
    /// Red, green and blue of each pixel, row by row from the top.
    public let pixels: [UInt8]

    /// - Precondition: `pixels` has three numbers for each pixel.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * 3, "a picture has three numbers for each pixel")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Larger pictures are not read: of an eighth of a gigabyte and more, decoded.
    static let maximumPixels = 1 << 26
}
