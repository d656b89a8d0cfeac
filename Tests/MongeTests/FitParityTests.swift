import Foundation
import Monge
import Tensors
import Testing
import Transport

/// The fit on every device against NumPy in Float64 (tools/parity/make_fit.py), to the promised 1e-5 relative.
@Suite struct FitParityTests {
    /// ω and β to 1e-5 of their own size, or of the size of the terms that cancel in them: β = m_b − ω·m_a loses the digits of its terms.
    static let tolerance: Float = 1e-5

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func columnsAgreeWithNumPy(device: DeviceChoice) throws {
        let backend = try device.open()
        let fixture = try TestModel.file("fit.safetensors")
        for name in ["equal", "fewer", "more", "one_source", "one_target"] {
            func sorted(_ side: String) throws -> Tensor {
                let tensor = try fixture.tensor("\(name).\(side)")
                return try backend.sortColumns(backend.upload(fixture.floats("\(name).\(side)"), tensor.shape))
            }
            let (source, target) = (try sorted("source"), try sorted("target"))
            let channels = source.shape[1]
            for method in ColumnFit.allCases {
                let fit = try backend.readFloats(backend.fitColumns(source: source, target: target, method: method))
                let expected = try fixture.floats("\(name).\(method.rawValue)")
                for j in 0..<channels {
                    func value(_ row: Int, _ values: [Float]) -> Float { values[row * channels + j] }
                    let omega = value(0, expected)
                    #expect(abs(value(0, fit) - omega) <= Self.tolerance * abs(omega), "\(name) \(method) ω of neuron \(j)")
                    let terms = abs(value(4, expected)) + abs(omega * value(2, expected))
                    #expect(
                        abs(value(1, fit) - value(1, expected)) <= Self.tolerance * max(abs(value(1, expected)), terms),
                        "\(name) \(method) β of neuron \(j)")
                }
            }
            let levels = try JSONDecoder().decode([Float].self, from: Data(try #require(fixture.metadata["levels"]).utf8))
            let quantiles = try backend.readFloats(backend.quantileColumns(source, levels: levels))
            let expected = try fixture.floats("\(name).quantiles")
            let samples = Float(source.shape[0])
            for (index, (a, b)) in zip(quantiles, expected).enumerated() {
                // A level rounded to Float32 moves the place among n order statistics by up to n·2⁻²⁴ of a step, and no step is longer
                // than the column's range; the interpolation itself rounds a few times.
                let column = stride(from: index % channels, to: expected.count, by: channels).map { expected[$0] }
                let range = column.max()! - column.min()!
                #expect(abs(a - b) <= samples * Float.ulpOfOne / 2 * range + 2 * Float.ulpOfOne * abs(b), "\(name) quantiles")
            }
        }
    }
}
