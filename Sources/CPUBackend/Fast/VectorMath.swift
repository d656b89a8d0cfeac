import CSimd

/// The vector kernels that work on a row in plain memory needs too: choosing a token from logits, for example.
public enum VectorMath {
    private nonisolated(unsafe) static let kernels = InstructionSet.best.kernels!

    /// The index of the largest element, the first of equal ones; NaN counts as −∞.
    /// - Precondition: there is an element.
    public static func argmax(_ x: UnsafeBufferPointer<Float>) -> Int {
        precondition(!x.isEmpty, "an empty row has no largest element")
        return kernels.pointee.argmax(x.baseAddress!, x.count)
    }

    /// The largest element; NaN only when the first is and nothing is larger than −∞.
    /// - Precondition: there is an element.
    public static func maximum(_ x: UnsafeBufferPointer<Float>) -> Float { x[argmax(x)] }

    /// `exp((x − shift) · scale)` for every element, within 3 ulp of the exponential of the exact difference times
    /// scale, rounded.
    /// - Parameter values: As long as x; may be the same memory.
    /// - Returns: The sum of the exponentials, accumulated beyond f32.
    @discardableResult
    public static func exponentials(
        _ x: UnsafeBufferPointer<Float>, shift: Float, scale: Float = 1, into values: UnsafeMutableBufferPointer<Float>
    ) -> Double {
        precondition(values.count == x.count, "\(x.count) elements have as many exponentials, not \(values.count)")
        guard let first = x.baseAddress, let output = values.baseAddress else { return 0 }
        return kernels.pointee.exponentials(first, x.count, shift, scale, output)
    }

    /// Turns logits into probabilities, in place: `exp(x / temperature)` over the sum of them all.
    /// - Parameter temperature: > 0.
    public static func softmax(_ logits: UnsafeMutableBufferPointer<Float>, temperature: Float = 1) {
        precondition(temperature > 0, "a temperature of \(temperature) is not positive")
        guard let first = logits.baseAddress else { return }
        kernels.pointee.softmax(first, logits.count, 1 / temperature, first)
    }
}
