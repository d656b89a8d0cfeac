import Foundation
import ModelFiles
import Monge
import Testing

/// Gemma-3-270m against transformers in Float64 on the same dequantised weights (tools/parity/make_gemma3.py).
///
/// Bound: the project's promise for whole models, as in ``LogitParityTests``.
@Suite struct Gemma3ParityTests {
    static let tolerance: Float = 2e-3

    private func expectParity(_ model: Model, prompts: [Int]) throws {
        let fixture = try TestModel.file("gemma3/logits.safetensors")
        let width = model.language.vocabularySize
        var largest: Float = 0
        var wrongTop = 0
        for prompt in prompts {
            let key = prompt < 10 ? "0\(prompt)" : "\(prompt)"
            let ids = try fixture.integers("\(key).ids")
            let indices = try fixture.integers("\(key).indices")
            let expected = try fixture.floats("\(key).logits")
            let (top, margins) = (try fixture.integers("\(key).top"), try fixture.floats("\(key).margins"))
            // Of a long prompt the last positions alone.
            let logits = try model.logits(of: ids).suffix(top.count * width)
            for position in top.indices {
                let start = logits.startIndex + position * width
                for (column, index) in indices.enumerated() {
                    let difference = abs(logits[start + Int(index)] - expected[position * indices.count + column])
                    largest = difference.isNaN ? .infinity : max(largest, difference)
                }
                let best = (0..<width).max { logits[start + $0] < logits[start + $1] }!
                if best != Int(top[position]) && margins[position] > 2 * Self.tolerance { wrongTop += 1 }
            }
        }
        #expect(largest <= Self.tolerance, "largest difference \(largest)")
        #expect(wrongTop == 0)
    }

    /// The last prompt is longer than the window.
    @Test func fastCPU() throws { try expectParity(Model.load("gemma3", device: .cpu), prompts: Array(0..<21)) }

    @Test func vulkan() throws { try expectParity(Model.load("gemma3", device: .vulkanIndex(0)), prompts: [1, 8]) }
}
