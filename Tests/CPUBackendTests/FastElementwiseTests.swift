import CSimd
import Testing

/// The elementwise kernels of every instruction set: numbers of elements that fill no vector, and f16 beside f32.
@Suite struct FastElementwiseTests {
    private static let functions: [monge_function] = {
        let plain = [
            MONGE_FUNCTION_SCALE, MONGE_FUNCTION_CLAMP, MONGE_FUNCTION_ADD, MONGE_FUNCTION_SUBTRACT, MONGE_FUNCTION_MULTIPLY,
            MONGE_FUNCTION_MULTIPLY_ADD,
        ].map { monge_function(kind: $0, activation: MONGE_IDENTITY, first: -0.5, second: 0.25) }
        let activations = [MONGE_SILU, MONGE_GELU, MONGE_GELU_TANH, MONGE_GELU_QUICK, MONGE_RELU, MONGE_SIGMOID, MONGE_TANH]
        return plain
            + activations.flatMap { activation in
                [MONGE_FUNCTION_ACTIVATION, MONGE_FUNCTION_GATED_PRODUCT].map {
                    monge_function(kind: $0, activation: activation, first: 0, second: 0)
                }
            }
    }()

    private func apply<Element: BitwiseCopyable>(
        _ set: UInt32, _ function: monge_function, half: Bool, _ operands: [[Element]], count: Int, _ output: inout [Element]
    ) {
        withUnsafePointer(to: function) { function in
            operands[0].withUnsafeBufferPointer { a in
                operands[1].withUnsafeBufferPointer { b in
                    operands[2].withUnsafeBufferPointer { c in
                        // An operand of one element is the same for all.
                        let places = [a, b, c].map { monge_operand(start: $0.baseAddress, step: $0.count == 1 ? 0 : 1) }
                        output.withUnsafeMutableBytes {
                            monge_kernels_for(monge_instruction_set(set)).pointee.elementwise(function, half, places, count, $0.baseAddress)
                        }
                    }
                }
            }
        }
    }

    /// An element's result depends on no place and no neighbour, nothing is written behind the last, and f16 is the f32 result rounded.
    @Test(arguments: FastHalfTests.sets, [1, 3, 15, 16, 31, 32, 33, 63, 64, 65, 200])
    func partsOfVectors(set: UInt32, count: Int) {
        var numbers = SeededNumbers(seed: UInt64(count))
        for function in Self.functions {
            for repeated in [false, true] {
                // Numbers that f16 has.
                let halves = [count, repeated ? 1 : count, count].map { numbers.floats($0).map { Float16($0 * 6) } }
                let floats = halves.map { $0.map(Float.init) }
                var (wide, narrow) = ([Float](repeating: 7, count: count + 9), [UInt16](repeating: 7, count: count + 9))
                apply(set, function, half: false, floats, count: count, &wide)
                apply(set, function, half: true, halves.map { $0.map(\.bitPattern) }, count: count, &narrow)
                #expect(wide[count...].allSatisfy { $0 == 7 } && narrow[count...].allSatisfy { $0 == 7 })
                #expect(narrow[..<count].elementsEqual(wide[..<count].map { Float16($0).bitPattern }), "\(function)")
                for index in [0, count / 2, count - 1] {
                    var alone: [Float] = [0]
                    apply(set, function, half: false, floats.map { [$0.count == 1 ? $0[0] : $0[index]] }, count: 1, &alone)
                    #expect(alone[0].bitPattern == wide[index].bitPattern, "\(function)")
                }
            }
        }
    }
}
