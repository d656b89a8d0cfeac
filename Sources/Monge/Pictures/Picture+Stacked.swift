import Pictures

extension Picture {
    /// Pictures one below the other on white.
    /// - Parameter rows: At least one; narrower ones stand at the left.
    public static func stacked(_ rows: [Picture]) -> Picture {
        let width = rows.map(\.width).max()!
        var pixels: [UInt8] = []
        for row in rows {
            let white = [UInt8](repeating: 255, count: 3 * (width - row.width))
            for y in 0..<row.height {
                pixels += row.pixels[3 * y * row.width..<3 * (y + 1) * row.width]
                pixels += white
            }
        }
        return Picture(width: width, height: rows.reduce(0) { $0 + $1.height }, pixels: pixels)
    }
}
