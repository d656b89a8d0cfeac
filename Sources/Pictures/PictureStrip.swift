/// Pictures side by side, each under a label.
public enum PictureStrip {
    /// - Parameters:
    ///   - pictures: At least one; smaller ones stand at the top of their place, in the middle of its width.
    ///   - labels: One for each, cut where it is longer than its picture is wide; characters that the font lacks become boxes.
    /// - Precondition: There are as many labels as pictures.
    public static func make(_ pictures: [Picture], labels: [String]) -> Picture {
        precondition(!pictures.isEmpty && pictures.count == labels.count, "every picture of a strip has a label")
        let columnWidth = pictures.map(\.width).max()!
        let rowHeight = pictures.map(\.height).max()!
        // Letters stay legible when a large strip is shown small.
        let scale = max(1, columnWidth / 128)
        let gap = 4 * scale
        let barHeight = (PixelFont.height + 5) * scale
        var canvas = Canvas(
            width: columnWidth * pictures.count + gap * (pictures.count - 1), height: rowHeight + barHeight, filledWith: 255)
        for (index, (picture, label)) in zip(pictures, labels).enumerated() {
            let left = index * (columnWidth + gap)
            canvas.draw(picture, left: left + (columnWidth - picture.width) / 2, top: barHeight)
            let text = PixelFont.fitting(label, width: columnWidth / scale)
            let start = left + (columnWidth - PixelFont.width(text) * scale) / 2
            canvas.draw(text, left: start, top: 2 * scale, scale: scale)
        }
        return canvas.picture
    }

    /// A picture that is being put together.
    private struct Canvas {
        let width: Int
        let height: Int
        private var pixels: [UInt8]

        init(width: Int, height: Int, filledWith value: UInt8) {
            self.width = width
            self.height = height
            pixels = [UInt8](repeating: value, count: width * height * 3)
        }

        var picture: Picture { Picture(width: width, height: height, pixels: pixels) }

        mutating func draw(_ picture: Picture, left: Int, top: Int) {
            for row in 0..<picture.height {
                let start = ((top + row) * width + left) * 3
                let source = row * picture.width * 3
                pixels.replaceSubrange(start..<start + picture.width * 3, with: picture.pixels[source..<source + picture.width * 3])
            }
        }

        mutating func draw(_ text: [Unicode.Scalar], left: Int, top: Int, scale: Int) {
            for (index, scalar) in text.enumerated() {
                for (column, bits) in PixelFont.columns(scalar).enumerated() {
                    for row in 0..<PixelFont.height where bits >> row & 1 == 1 {
                        let x = left + (index * PixelFont.advance + column) * scale
                        for y in top + row * scale..<top + (row + 1) * scale {
                            pixels.replaceSubrange(
                                (y * width + x) * 3..<(y * width + x + scale) * 3, with: repeatElement(0, count: scale * 3))
                        }
                    }
                }
            }
        }
    }
}
