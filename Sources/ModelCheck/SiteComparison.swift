import Foundation

/// How far an activation of a device is from the reference's, beside how far it may be.
package struct SiteComparison: Encodable, Sendable {
    /// The site's, or what the model gives at the end.
    package let name: String
    package let rows: Int
    package let channels: Int
    /// The root mean square of the error over that of the activation.
    package let error: Double
    /// λσ: the same, of what rounding may do.
    package let bound: Double
    /// The largest error of an element over its bound; above 1 the site departs.
    package let worst: Double
    /// Where that is.
    package let worstRow: Int
    package let worstChannel: Int

    package var departs: Bool { !(worst <= 1) }

    /// λ: by Hoeffding's inequality, independent errors of mean zero, the squares of whose bounds add up to at most those of what results were moved
    /// by when σ was measured, exceed λσ with a probability below 2·exp(−λ²/2) = 3·10⁻¹⁴, for each element.
    static let lambda = 8.0

    /// - Parameters:
    ///   - squares: Of each element, the sum of the squares of what it moved by in some passes.
    init(_ candidate: CheckedModel.Activation, reference: CheckedModel.Activation, squares: [Float], passes: Int) {
        name = candidate.name
        channels = max(candidate.channels, 1)
        rows = candidate.values.count / channels
        // Few passes say little of one element, and all its neighbours together enough: σ is the largest of its own, its row's and its channel's.
        var ofRows = [Double](repeating: 0, count: rows)
        var ofChannels = [Double](repeating: 0, count: channels)
        for row in 0..<rows {
            for channel in 0..<channels {
                let square = Double(squares[row * channels + channel])
                ofRows[row] += square / Double(channels)
                ofChannels[channel] += square / Double(rows)
            }
        }
        var (worst, place, errors, sizes) = (0.0, 0, 0.0, 0.0)
        for index in candidate.values.indices {
            let (value, exact) = (candidate.values[index], reference.values[index])
            let difference = Double(value) - Double(exact)
            errors += difference * difference
            sizes += Double(exact) * Double(exact)
            let variance = max(Double(squares[index]), ofRows[index / channels], ofChannels[index % channels]) / Double(passes)
            // What both call infinite, or no number, is the same.
            let isSame = value == exact || value.isNaN && exact.isNaN
            let ratio = isSame ? 0 : abs(difference) / (Self.lambda * variance.squareRoot())
            // Not a number is further off than anything.
            if !(ratio <= worst) { (worst, place) = (ratio.isNaN ? .infinity : ratio, index) }
        }
        let size = (sizes / Double(max(candidate.values.count, 1))).squareRoot()
        let moved = ofRows.reduce(0, +) / Double(max(rows, 1) * passes)
        error = size > 0 ? (errors / Double(candidate.values.count)).squareRoot() / size : 0
        bound = size > 0 ? Self.lambda * moved.squareRoot() / size : 0
        self.worst = worst
        (worstRow, worstChannel) = place.quotientAndRemainder(dividingBy: channels)
    }
}
