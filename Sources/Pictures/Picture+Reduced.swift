extension Picture {
    /// The picture at a whole fraction of its size, so that neither side is longer than `side`; itself where none is. Pixels are means over
    /// squares; at the right and lower edges, of what there is.
    public func reduced(toSide side: Int) -> Picture {
        let factor = (max(width, height) + side - 1) / max(side, 1)
        guard factor > 1 else { return self }
        let (columns, rows) = ((width + factor - 1) / factor, (height + factor - 1) / factor)
        var reduced: [UInt8] = []
        reduced.reserveCapacity(columns * rows * 3)
        for row in 0..<rows {
            for column in 0..<columns {
                let (ys, xs) = (row * factor..<min((row + 1) * factor, height), column * factor..<min((column + 1) * factor, width))
                for channel in 0..<3 {
                    var sum = 0
                    for y in ys { for x in xs { sum += Int(pixels[(y * width + x) * 3 + channel]) } }
                    let count = ys.count * xs.count
                    reduced.append(UInt8((sum + count / 2) / count))
                }
            }
        }
        return Picture(width: columns, height: rows, pixels: reduced)
    }
}
