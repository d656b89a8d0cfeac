import CPUBackend
import Foundation
import Tensors
import Testing

/// Drawn tokens: their weights, their frequencies, and which are left out.
@Suite struct SampleTests {
    private let backend = ReferenceBackend()

    /// Within two units in the last place of an f32, and the step of 2⁻³⁰.
    @Test func weightsAreExponentials() {
        for step in 0...22_000 {
            let z = -Float(step) / 1000
            let exact = exp(Double(z)) * 0x1p30
            let error = abs(Double(SampleWeight.weight(z)) - exact)
            #expect(error <= 1 + exact * 0x1p-22, "z = \(z)")
        }
        #expect(SampleWeight.weight(0) == 1 << 30 && SampleWeight.weight(-.infinity) == 0 && SampleWeight.weight(-1e9) == 0)
    }

    @Test func sharesAreExact() {
        #expect(SampleWeight.share(of: 1 << 54, 1 << 24) == 1 << 54)
        #expect(SampleWeight.share(of: 3, 1 << 23) == 1)
        #expect(SampleWeight.share(of: (1 << 40) + 12_345_678_901, 11_184_810) == 741_238_160_270)
        #expect(SampleWeight.fraction(.nan) == 0 && SampleWeight.fraction(2) == 1 << 24 && SampleWeight.fraction(-1) == 0)
    }

    /// 4096 evenly spread numbers draw each token as often as its probability says, to within one.
    @Test func frequenciesAreProbabilities() throws {
        let logits: [Float] = [0, 1.5, -2, 0.25, 3, -.infinity, .nan]
        let draws = 4096
        for (temperature, topK, kept) in [(1, nil, [0, 1, 2, 3, 4]), (0.5, 3, [1, 3, 4]), (2, 1, [4])] as [(Float, Int?, [Int])] {
            let x = try backend.upload([[Float]](repeating: logits, count: draws).flatMap { $0 }, [draws, logits.count])
            let uniforms = try backend.upload((0..<draws).map { (Float($0) + 0.5) / Float(draws) })
            let tokens = try backend.readIntegers(
                backend.sample(x, uniforms: uniforms, SamplingOptions(temperature: temperature, topK: topK)))
            let total = kept.reduce(0) { $0 + exp(Double(logits[$1] / temperature)) }
            for token in logits.indices {
                let expected = kept.contains(token) ? exp(Double(logits[token] / temperature)) / total * Double(draws) : 0
                let count = tokens.filter { $0 == Int32(token) }.count
                #expect(abs(Double(count) - expected) <= 1, "token \(token) at temperature \(temperature)")
            }
        }
    }

    /// Probabilities 0.5, 0.3, 0.15 and 0.05: what comes before 0.8 is reached is kept, ties by the lower index.
    @Test func topPKeepsTheFewestThatReachIt() throws {
        let x = try backend.upload([0.15, 0.5, 0.05, 0.3].map { Float(log($0)) }, [1, 4])
        func drawn(_ options: SamplingOptions) throws -> Set<Int32> {
            Set(
                try (0..<200).map { index in
                    let uniforms = try backend.upload([(Float(index) + 0.5) / 200])
                    return try backend.readIntegers(backend.sample(x, uniforms: uniforms, options))[0]
                })
        }
        #expect(try drawn(SamplingOptions(topP: 0.79)) == [1, 3])
        #expect(try drawn(SamplingOptions(topP: 0.81)) == [0, 1, 3])
        #expect(try drawn(SamplingOptions(topP: 0)) == [1])
        // Of the first two, 0.625 and 0.375.
        #expect(try drawn(SamplingOptions(topK: 2, topP: 0.62)) == [1])
        #expect(try drawn(SamplingOptions(topK: 2, topP: 0.64)) == [1, 3])
        let equal = try backend.upload([1, 1, 1, 1] as [Float], [1, 4])
        let last = try backend.upload([0.999] as [Float])
        #expect(try backend.readIntegers(backend.sample(equal, uniforms: last, SamplingOptions(topK: 2))) == [1])
    }

    @Test func optionsOutsideTheirMeaningAreRefused() throws {
        let x = try backend.allocate([1, 4], .f32)
        let uniforms = try backend.allocate([1], .f32)
        for options in [
            SamplingOptions(temperature: 0), SamplingOptions(temperature: .nan), SamplingOptions(topK: 0), SamplingOptions(topP: 1.5),
            SamplingOptions(topP: .nan),
        ] {
            #expect(throws: TensorError.self) { try backend.sample(x, uniforms: uniforms, options) }
        }
        #expect(throws: TensorError.self) { try backend.sample(x, uniforms: backend.allocate([2], .f32)) }
    }
}
