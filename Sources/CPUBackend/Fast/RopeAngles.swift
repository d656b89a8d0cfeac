import Foundation
import Tensors

/// The cosines and sines of a rotary embedding, computed in Float64 and kept: queries and keys of all layers turn by the same
/// angles.
struct RopeAngles {
    private var positions: [Int32] = []
    private var factors: [Float] = []
    private var dimensions = 0
    private var base: Float = 0
    private var cosines: [Float] = []
    private var sines: [Float] = []

    /// Calls `body` with the angles of `positions`, `dimensions / 2` for each.
    mutating func withAngles(
        positions: UnsafeBufferPointer<Int32>, factors: UnsafeBufferPointer<Float>, dimensions: Int, base: Float,
        _ body: (_ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>) throws -> Void
    ) rethrows {
        let isSame =
            dimensions == self.dimensions && base == self.base && positions.elementsEqual(self.positions)
            && factors.elementsEqual(self.factors)
        if !isSame {
            self.positions = Array(positions)
            self.factors = Array(factors)
            (self.dimensions, self.base) = (dimensions, base)
            compute()
        }
        try cosines.withUnsafeBufferPointer { cosines in
            try sines.withUnsafeBufferPointer { try body(cosines.baseAddress!, $0.baseAddress!) }
        }
    }

    private mutating func compute() {
        let pairs = dimensions / 2
        let frequencies = (0..<pairs).map { pair in
            pow(Double(base), -2 * Double(pair) / Double(dimensions)) / (factors.isEmpty ? 1 : Double(factors[pair]))
        }
        cosines = [Float](repeating: 0, count: positions.count * pairs)
        sines = cosines
        for (row, position) in positions.enumerated() {
            for pair in 0..<pairs {
                let angle = Double(position) * frequencies[pair]
                cosines[row * pairs + pair] = Float(cos(angle))
                sines[row * pairs + pair] = Float(sin(angle))
            }
        }
    }
}
