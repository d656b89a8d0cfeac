import Testing
import Transport

@Suite struct AffineMapTests {
    let map = AffineMap(
        omega: [2, 0.5, -1, 0], beta: [1, -3, 0, 4], low: [-1, -.infinity, -2, -.infinity], high: [1, .infinity, 2, .infinity])

    @Test func strengthZeroIsTheSameBits() {
        for x in [0, -0.0, Float.leastNonzeroMagnitude, -1e30, .infinity, .nan] {
            for neuron in 0..<4 { #expect(map.apply(x, neuron: neuron, strength: 0).bitPattern == x.bitPattern) }
        }
    }

    @Test func supportIsOpen() {
        #expect(map.apply(1, neuron: 0, strength: 1) == 1)
        #expect(map.apply(-1, neuron: 0, strength: 1) == -1)
        #expect(map.apply(0.5, neuron: 0, strength: 1) == 2)
    }

    @Test func strengthBlendsAndExtrapolates() {
        // T(0.5) = 2: half way is 1.25, the other way −1, beyond 3.5.
        #expect(map.apply(0.5, neuron: 0, strength: 0.5) == 1.25)
        #expect(map.apply(0.5, neuron: 0, strength: -1) == -1)
        #expect(map.apply(0.5, neuron: 0, strength: 2) == 3.5)
    }

    @Test func inverseLeadsBack() {
        let inverse = map.inverse
        // Dyadic values and slopes that are powers of two: the arithmetic is exact.
        for (neuron, x) in [(0, Float(0.5)), (1, 8), (2, 1.5)] {
            #expect(inverse.apply(map.apply(x, neuron: neuron, strength: 1), neuron: neuron, strength: 1) == x)
        }
        #expect(inverse.low[0] == -1 && inverse.high[0] == 3)
        #expect(inverse.low[2] == -2 && inverse.high[2] == 2)
        // What was sent to one point stays there.
        #expect(inverse.apply(4, neuron: 3, strength: 1) == 4)
    }

    @Test func identityChangesNothing() {
        let identity = AffineMap.identity(channels: 1)
        #expect(identity.apply(3, neuron: 0, strength: 1) == 3)
        #expect(identity.inverse == identity)
    }
}

@Suite struct SupportTests {
    @Test(arguments: Support.names) func namesReadBack(name: String) throws {
        #expect(try #require(Support(name: name)).description == name)
    }

    @Test func levels() throws {
        #expect(Support(name: "all")?.levels == nil)
        let levels = try #require(Support(name: "q_0.5_99.5")?.levels)
        #expect(levels.lower == 0.005 && levels.upper == 0.995)
        #expect(Support(name: "q_3_97") == nil && Support(name: "") == nil)
    }

    /// Experts of the source are damped, the others left alone.
    @Test func aurADampsWhatTellsTheSource() {
        let map = AffineMap.aurA(auroc: [0, 0.5, 0.75, 1])
        #expect(map.omega == [1, 1, 0.5, 0])
        #expect((0..<4).map { map.apply(8, neuron: $0, strength: 1) } == [8, 8, 4, 0])
    }
}
