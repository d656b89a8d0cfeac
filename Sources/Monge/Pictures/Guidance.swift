import Tensors

/// How a prediction with the text and one without become one (Ho & Salimans, "Classifier-free diffusion guidance", 2022).
struct Guidance {
    let scale: Float
    /// How far the deviation of the result is brought back to that of the prediction with the text (Lin et al., "Common diffusion noise schedules
    /// and sample steps are flawed", 2024, section 3.4).
    let rescale: Float
    /// Whether the model takes the scale as an input.
    let isInput: Bool

    /// Whether both predictions are made.
    var isDouble: Bool { scale > 1 && !isInput }

    /// - Parameter output: With guidance, the predictions without the texts, then those with them.
    func callAsFunction(_ output: Tensor, on backend: any Backend) throws -> Tensor {
        guard isDouble else { return output }
        let count = output.shape[0] / 2
        let (plain, textual) = (try output.rows(0..<count), try output.rows(count..<2 * count))
        let difference = try backend.subtract(textual, plain)
        let guided = try backend.add(backend.scale(difference, by: scale), plain, into: difference)
        guard rescale != 0 else { return guided }
        // Once an image: the host does it.
        let ratios = zip(try deviations(textual, on: backend), try deviations(guided, on: backend)).map { $0 / $1 }
        let factors = try backend.upload(ratios.map { rescale * Float($0) + 1 - rescale }, [count, 1, 1, 1])
        return try backend.multiply(guided, factors, into: guided)
    }

    /// The standard deviation of each image's numbers.
    private func deviations(_ x: Tensor, on backend: any Backend) throws -> [Double] {
        let numbers = try backend.readFloats(x)
        let count = numbers.count / x.shape[0]
        return stride(from: 0, to: numbers.count, by: count).map { start in
            let own = numbers[start..<start + count]
            let mean = own.reduce(0.0) { $0 + Double($1) } / Double(count)
            return (own.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count - 1)).squareRoot()
        }
    }
}
