import Foundation
import Tensors

extension CheckedOperation {
    /// The angle p·base^(−2i/d)/factor errs by at most 8u relatively: 4u for the power, half an ulp each for the exponent's table or
    /// the factor, the product, and the position. A turn by a wrong angle moves a pair by that error of its length; sine and
    /// cosine err by 2 ulp of 1, and the two products and their sum by 3u.
    static let rope = CheckedOperation(
        name: "rope", summary: "rotary position embedding, rotate-half and interleaved, partial, with frequency factors",
        tolerance: "(8u·|angle| + 8u)·(|a| + |b|); the same bits in the channels that do not turn", defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 33)
        let heads = generator.pick([1, 2, 3, 5, 8, 9])
        let turn = RopeDraw(rows: rows, &generator)
        let range = generator.pick(ValueRange.allCases)
        let types = generator.activationTypes()
        let isNarrowed = types.operand == .f32 && types.result == .f16
        let x = generator.values(rows * heads * turn.channels, range, types.operand, to: types.result)
        let isInPlace = types.operand == types.result && generator.chance(0.5)
        let shape: Shape = [rows, heads, turn.channels]
        let description =
            "x \(shape) \(types.operand) to \(types.result)\(isInPlace ? " in place" : "") \(range), \(turn.description)"
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, types.result, initial: isInPlace ? x : nil)
            let result = try device.backend.rope(
                isInPlace ? output : device.input(x, shape, types.operand, "x"), positions: turn.positions(on: device),
                dimensions: turn.dimensions, base: turn.base, layout: turn.layout, frequencyFactors: turn.factors(on: device), into: output)
            return [try device.read(result)]
        } tolerances: { _, outputs in
            let errors = turn.errors(x, heads: heads)
            return [
                x.indices.map { place in
                    guard let error = errors[place] else { return isNarrowed ? RoundOff.storing(types.result, Double(x[place])) : 0 }
                    return error + RoundOff.storing(types.result, abs(Double(outputs[0].floats[place])) + error)
                }
            ]
        }
    }

    /// Queries and keys as ``rope``; a key that is not of the cache's type may be rounded to its own before it is rounded to the cache's.
    static let rotateAndStore = CheckedOperation(
        name: "rotateAndStore", summary: "rotary position embedding of queries and keys, which go into a cache with the values",
        tolerance: "that of rope for queries and keys; the same bits elsewhere", defaultCases: 60
    ) { index, generator, _ in
        let (from, to) = (generator.activationType(), generator.activationType())
        let draw = StoreDraw(isEmpty: index == 0, &generator)
        let keyHeads = generator.pick([1, 2, 3, 5])
        let heads = keyHeads * generator.pick([1, 2, 3])
        let turn = RopeDraw(rows: draw.rows, &generator)
        let range = generator.pick(ValueRange.allCases)
        let queryShape: Shape = [draw.rows, heads, turn.channels]
        let keyShape: Shape = [draw.rows, keyHeads, turn.channels]
        let cacheShape: Shape = [draw.table.blockCount, draw.table.blockSize, keyHeads, turn.channels]
        let query = generator.values(queryShape.count, range, from)
        let (key, value) = (generator.values(keyShape.count, range, from, to: to), generator.values(keyShape.count, range, from, to: to))
        let caches = (0..<2).map { _ in generator.normals(cacheShape.count, to) }
        let description = "queries \(queryShape) and keys \(keyShape) \(from) into \(cacheShape) \(to), \(range), \(turn.description), "
        return CheckCase(shapes: description + draw.description) { device in
            let turned = try device.output(queryShape, from, initial: query, "the queries")
            let outputs = try caches.map { try device.output(cacheShape, to, initial: $0, "a cache") }
            // What becomes of the keys is not defined: no input that has to stay as it is.
            let keys = try device.output(keyShape, from, initial: key, "the keys")
            try device.backend.rotateAndStore(
                query: turned, key: keys, value: device.input(value, keyShape, from, "the values"),
                positions: turn.positions(on: device), dimensions: turn.dimensions, base: turn.base, layout: turn.layout,
                frequencyFactors: turn.factors(on: device), into: outputs[0], outputs[1], segments: draw.segments(on: device))
            return try ([turned] + outputs).map { try device.read($0) }
        } tolerances: { _, outputs in
            func tolerance(_ error: Double, _ y: Float, _ types: [DType]) -> Double {
                types.reduce(error) { $0 + RoundOff.storing($1, abs(Double(y)) + $0) }
            }
            let queries = zip(turn.errors(query, heads: heads), outputs[0].floats).map { error, y in
                error.map { tolerance($0, y, [from]) } ?? 0
            }
            var keys = [Double](repeating: 0, count: cacheShape.count)
            let (errors, channels) = (turn.errors(key, heads: keyHeads), keyHeads * turn.channels)
            for (row, place) in draw.places.enumerated() {
                guard let place else { continue }
                for channel in 0..<channels {
                    guard let error = errors[row * channels + channel] else { continue }
                    let index = place * channels + channel
                    keys[index] = tolerance(error, outputs[1].floats[index], [from, to])
                }
            }
            return [queries, keys, [Double](repeating: 0, count: cacheShape.count)]
        }
    }

    /// Two products and their sum: 3u.
    static let rotation = CheckedOperation(
        name: "rotation", summary: "rotary position embedding by given cosines and sines, whose rows repeat",
        tolerance: "3u·(|a·cos| + |b·sin|); the same bits in the channels that do not turn; the rounding of f16", defaultCases: 60
    ) { index, generator, _ in
        let (angleRows, repeats) = (generator.extent(atMost: 17), index == 0 ? 0 : generator.integer(in: 1...3))
        let rows = angleRows * repeats
        let heads = generator.pick([1, 2, 3, 5, 8])
        let channels = generator.pick([2, 4, 6, 16, 32, 64, 66, 80, 128])
        let pairs = generator.chance(0.6) ? channels / 2 : generator.integer(in: 1...channels / 2)
        let layout = generator.pick(RopeLayout.allCases)
        let types = generator.activationTypes()
        let isNarrowed = types.operand == .f32 && types.result == .f16
        let x = generator.values(rows * heads * channels, generator.pick(ValueRange.allCases), types.operand, to: types.result)
        let angles = (0..<angleRows * pairs).map { _ in generator.normal() * 3 }
        let (cosines, sines) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
        let isInPlace = types.operand == types.result && generator.chance(0.5)
        let shape: Shape = [rows, heads, channels]
        let description =
            "x \(shape) \(types.operand) to \(types.result)\(isInPlace ? " in place" : ""), angles [\(angleRows), \(pairs)], \(layout)"
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, types.result, initial: isInPlace ? x : nil)
            let result = try device.backend.rope(
                isInPlace ? output : device.input(x, shape, types.operand, "x"),
                cosines: device.input(cosines, [angleRows, pairs], "the cosines"),
                sines: device.input(sines, [angleRows, pairs], "the sines"), layout: layout, into: output)
            return [try device.read(result)]
        } tolerances: { _, outputs in
            var tolerance = x.map { isNarrowed ? RoundOff.storing(types.result, Double($0)) : 0 }
            for head in 0..<rows * heads {
                for pair in 0..<pairs {
                    let (first, second) = layout == .rotateHalf ? (pair, pair + pairs) : (2 * pair, 2 * pair + 1)
                    let (a, b) = (abs(Double(x[head * channels + first])), abs(Double(x[head * channels + second])))
                    let angle = head / heads % angleRows * pairs + pair
                    let (cosine, sine) = (abs(Double(cosines[angle])), abs(Double(sines[angle])))
                    for (place, size) in [(first, a * cosine + b * sine), (second, a * sine + b * cosine)] {
                        let error = 3 * RoundOff.unit * size + 4 * RoundOff.flush
                        let y = abs(Double(outputs[0].floats[head * channels + place]))
                        tolerance[head * channels + place] = error + RoundOff.storing(types.result, y + error)
                    }
                }
            }
            return [tolerance]
        }
    }

    /// The angle is a product with 48 bits of the frequency, of which the whole turns drop out; cosine and sine err by 2 ulp of 1. The
    /// rounding of the frequency's own two parts, 2⁻⁴⁸ of the angle, is 2⁻²⁴ at 2²⁴.
    static let timestepEmbedding = CheckedOperation(
        name: "timestepEmbedding", summary: "cosines and sines of timesteps times falling frequencies",
        tolerance: "(8 + 2⁻²²·|angle|)·u; the rounding of f16", defaultCases: 40
    ) { index, generator, _ in
        let count = index == 0 ? 0 : generator.extent(atMost: 17)
        let channels = generator.pick([2, 3, 7, 16, 65, 256, 320])
        let frequencies = TimestepFrequencies(
            channels: channels, cosinesFirst: generator.chance(0.5), shift: channels > 3 ? generator.pick([0, 1, 0.5]) : 0,
            maximumPeriod: generator.pick([10_000, 100, 1_000_000]), scale: generator.pick([1, 1000, 0.5]))
        let timesteps = (0..<count).map { _ in
            generator.pick([0, 1, 999, Float(generator.integer(in: 0...1000)), Float(generator.uniform()), Float(generator.normal() * 10)])
        }
        let dtype = generator.activationType()
        return CheckCase(shapes: "\(count) timesteps, \(frequencies), as \(dtype)") { device in
            let output = try device.output([count, channels], dtype)
            return [
                try device.read(
                    device.backend.timestepEmbedding(
                        device.input(timesteps, [count], "the timesteps"), frequencies, as: dtype, into: output))
            ]
        } tolerances: { _, outputs in
            [
                outputs[0].floats.enumerated().map { index, y in
                    let angle = abs(Double(frequencies.scale) * Double(timesteps[index / channels]))
                    let isZero = channels % 2 == 1 && index % channels == channels - 1
                    return isZero ? 0 : (8 + 0x1p-22 * angle) * RoundOff.unit + RoundOff.storing(dtype, abs(Double(y)) + RoundOff.unit)
                }
            ]
        }
    }
}

/// A random rotation of packed rows.
private struct RopeDraw {
    let channels, dimensions: Int
    let layout: RopeLayout
    let base: Float
    let positions: [Int32]
    let factors: [Float]?
    let description: String

    init(rows: Int, _ generator: inout CheckGenerator) {
        channels = generator.pick([2, 4, 6, 16, 32, 64, 66, 80, 128])
        dimensions = generator.chance(0.6) ? channels : 2 * generator.integer(in: 1...channels / 2)
        layout = generator.pick(RopeLayout.allCases)
        base = generator.pick([10_000, 500_000, 1_000_000, 100])
        let limit = generator.pick([8, 100, 4096, 131_072])
        positions = (0..<rows).map { _ in Int32(generator.integer(in: 0...limit - 1)) }
        factors =
            generator.chance(0.3)
            ? (0..<dimensions / 2).map { _ in Float(generator.pick([1.0, 8, 1 + 7 * generator.uniform()])) } : nil
        description =
            "\(dimensions) channels turn, \(layout), base \(base), positions below \(limit)" + (factors == nil ? "" : ", frequency factors")
    }

    func positions(on device: CheckDevice) throws -> Tensor { try device.input(positions, [positions.count], "the positions") }

    func factors(on device: CheckDevice) throws -> Tensor? {
        try factors.map { try device.input($0, [dimensions / 2], "the frequency factors") }
    }

    /// Bounds on the errors of `[rows, heads, channels]`, before they are stored; nil for channels that do not turn.
    func errors(_ x: [Float], heads: Int) -> [Double?] {
        var errors = [Double?](repeating: nil, count: x.count)
        for (row, position) in positions.enumerated() {
            for head in 0..<heads {
                let start = (row * heads + head) * channels
                for pair in 0..<dimensions / 2 {
                    let (first, second) = layout == .rotateHalf ? (pair, pair + dimensions / 2) : (2 * pair, 2 * pair + 1)
                    let size = abs(Double(x[start + first])) + abs(Double(x[start + second]))
                    let frequency = pow(Double(base), -2 * Double(pair) / Double(dimensions)) / Double(factors?[pair] ?? 1)
                    let error = (8 * Double(position) * frequency + 8) * RoundOff.unit * size + 4 * RoundOff.flush
                    (errors[start + first], errors[start + second]) = (error, error)
                }
            }
        }
        return errors
    }
}
