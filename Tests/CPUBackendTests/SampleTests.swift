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
        let logits: [Float] = [0, 1.5, -2, 0.25, 3, -.infinity]
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
            SamplingOptions(temperature: -1), SamplingOptions(temperature: .nan), SamplingOptions(topK: 0), SamplingOptions(topP: 1.5),
            SamplingOptions(topP: .nan), SamplingOptions(repetitionPenalty: 0), SamplingOptions(repetitionPenalty: .infinity),
            SamplingOptions(temperature: .leastNonzeroMagnitude),
        ] {
            #expect(throws: TensorError.self) { try backend.sample(x, uniforms: uniforms, options) }
        }
        #expect(throws: TensorError.self) { try backend.sample(x, uniforms: backend.allocate([2], .f32)) }
        let options = try backend.allocate([1, 5], .f32)
        for (sets, rows) in [([1, 2], [1]), ([1, 1], [2]), ([1], [1])] as [(Shape, Shape)] {
            let seen = SeenTokens(sets: try backend.allocate(sets, .i32), rows: try backend.allocate(rows, .i32))
            #expect(throws: TensorError.self) { try backend.sample(x, uniforms: uniforms, options: options, seen: seen) }
        }
        #expect(throws: TensorError.self) { try backend.sample(x, uniforms: uniforms, options: backend.allocate([1, 4], .f32)) }
    }

    /// Rows that have no probabilities, beside one that has.
    @Test func rowsThatAreNotFiniteHaveNoToken() throws {
        let rows: [[Float]] = [
            [1, .nan, 0], [0, .infinity, 0], [-.infinity, -.infinity, -.infinity], [-.infinity, 2, -.nan], [-.infinity, 2, 1],
        ]
        let x = try backend.upload(rows.flatMap { $0 }, [5, 3])
        for temperature in [0, 1e-3] as [Float] {
            let seen = SeenTokens(
                sets: try backend.upload([Int32](repeating: 0, count: 5), [5, 1]), rows: try backend.upload([4, 3, 2, 1, 0] as [Int32]))
            let options = try backend.upload((0..<5).flatMap { _ in try SamplingOptions(temperature: temperature).row() }, [5, 5])
            let tokens = try backend.sample(x, uniforms: backend.upload([0, 0, 0, 0, 0] as [Float]), options: options, seen: seen)
            #expect(try backend.readIntegers(tokens) == [-1, -1, -1, -1, 1])
            #expect(try backend.readIntegers(seen.sets) == [2, 0, 0, 0, 0])
        }
    }

    /// Each row has options and a set of its own; a token joins the set of its row.
    @Test func rowsHaveTheirOwnOptionsAndSets() throws {
        let logits: [Float] = [4, 3, -1, 2, 4, 3, -1, 2, -4, -3, -1, -2, 4, 3, -1, 2]
        let x = try backend.upload(logits, [4, 4])
        let options: [SamplingOptions] = [
            SamplingOptions(temperature: 0), SamplingOptions(temperature: 0, repetitionPenalty: 2),
            SamplingOptions(temperature: 0, repetitionPenalty: 3), SamplingOptions(temperature: 1, topK: 1),
        ]
        let seen = SeenTokens(
            sets: try backend.upload(
                [[0], [0, 1], [2], [1]].flatMap { SeenTokens.set(of: $0, vocabulary: 4) }, [4, 1]),
            rows: try backend.upload([3, 1, 2, -1] as [Int32]))
        let tokens = try backend.sample(
            x, uniforms: backend.upload([Float](repeating: 0.5, count: 4)),
            options: backend.upload(options.flatMap { try $0.row() }, [4, 5]), seen: seen)
        // Halved, 4 and 3 are no more than 2: the lower index of equal ones. Times 3, −1 is less than −2.
        #expect(try backend.readIntegers(tokens) == [0, 0, 3, 0])
        #expect(try backend.readIntegers(seen.sets) == [0b1, 0b11, 0b1100, 0b11])
    }

    /// What Hugging Face transformers' processors leave of a row's probabilities (Tests/Fixtures/sampling.safetensors), on every CPU path.
    @Test(arguments: [false, true]) func probabilitiesAreThoseOfTransformers(isFast: Bool) throws {
        let backend: any Backend = isFast ? try CPUBackend() : ReferenceBackend()
        let fixture = try ReferenceFixture("sampling")
        let draws = 4096
        let cases = try fixture.options()
        #expect(cases.count == 24)
        for (name, options) in cases {
            let logits = try fixture.floats("\(name).logits")
            let expected = try fixture.floats("\(name).probabilities")
            let seenTokens = try #require(options["seen"] as? [Int]).map(Int32.init)
            let sampling = SamplingOptions(
                temperature: Float(try #require(options["temperature"] as? Double)), topK: options["topK"] as? Int,
                topP: Float(try #require(options["topP"] as? Double)),
                repetitionPenalty: Float(try #require(options["penalty"] as? Double)))
            // A set for each row, of which each is asked once.
            let set = SeenTokens.set(of: seenTokens, vocabulary: logits.count)
            let seen = SeenTokens(
                sets: try backend.upload((0..<draws).flatMap { _ in set }, [draws, set.count]),
                rows: try backend.upload((0..<Int32(draws)).map { $0 }))
            let row = try sampling.row()
            let tokens = try backend.readIntegers(
                backend.sample(
                    backend.upload((0..<draws).flatMap { _ in logits }, [draws, logits.count]),
                    uniforms: backend.upload((0..<draws).map { (Float($0) + 0.5) / Float(draws) }),
                    options: backend.upload((0..<draws).flatMap { _ in row }, [draws, row.count]), seen: seen))
            var counts = [Int](repeating: 0, count: logits.count)
            for token in tokens { counts[Int(token)] += 1 }
            for token in logits.indices {
                // Evenly spread numbers meet a stretch of length p once for each 1/4096 of it, and once more or less at its ends.
                #expect(abs(Double(counts[token]) - Double(expected[token]) * Double(draws)) <= 1.01, "\(name), token \(token)")
                if expected[token] == 0 { #expect(counts[token] == 0, "\(name), token \(token)") }
            }
        }
    }
}
