import Models
import Tensors

/// The samples of one site as they come in, batch after batch.
package struct SiteSamples {
    /// `[samples, channels]` f32.
    package let values: Tensor
    /// `[batches, channels]` f32: finite exactly where a batch's activations are.
    private let checks: Tensor

    init(_ side: CalibrationSide, channels: Int, on backend: any Backend) throws {
        values = try backend.allocate([side.count, channels], .f32)
        checks = try backend.allocate([side.passes.count, channels], .f32)
    }

    /// Pools the activation of batch `index` of the side.
    func add(
        _ activation: Tensor, batch index: Int, samples: Range<Int>, pooling: SamplePooling, _ plan: SamplePooling.Plan,
        on backend: any Backend
    ) throws {
        try pooling(activation, plan, on: backend, into: values.rows(samples), check: checks.rows(index..<index + 1))
    }

    /// The first batch with an activation that is a NaN or an infinity; nil when all are finite.
    func firstNonFiniteBatch(on backend: any Backend) throws -> Int? {
        let numbers = try backend.readFloats(checks)
        if numbers.isFinite { return nil }
        return numbers.firstIndex { !$0.isFinite }! / checks.shape[1]
    }
}
