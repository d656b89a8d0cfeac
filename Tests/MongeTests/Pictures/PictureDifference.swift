import Foundation

/// How near pictures are.
enum PictureDifference {
    /// The ratio of peak signal to noise of pixels from -1 to 1, as they are cut off when they are written.
    static func decibels(_ pixels: [Float], _ expected: [Float]) -> Double {
        func cut(_ value: Float) -> Double { Double(min(max(value, -1), 1)) }
        let noise = zip(pixels, expected).reduce(0.0) { $0 + (cut($1.0) - cut($1.1)) * (cut($1.0) - cut($1.1)) } / Double(expected.count)
        return 10 * log10(4 / noise)
    }
}
