import Tensors
import Testing
import VulkanBackend

/// What a transport leaves alone it leaves bit for bit: zeros of both signs, denormal numbers, infinities and NaN with its payload.
@Suite struct TransportTests {
    private static let values: [Float] = [
        0, -0.0, 1.5, -2.25, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity,
        Float(bitPattern: 0x7FC1_2345), 1e-20, 3,
    ]

    private struct Case: CustomStringConvertible {
        let description: String
        let index: Int32
        let strength: Float
        let low, high: Float
    }

    private static let neutral = [
        Case(description: "index 0", index: 0, strength: 1, low: -.infinity, high: .infinity),
        Case(description: "λ = 0", index: 1, strength: 0, low: -.infinity, high: .infinity),
        Case(description: "outside the support", index: 1, strength: 1, low: 4, high: 5),
        Case(description: "on the edge of the support", index: 1, strength: 1, low: 3, high: 3.5),
    ]

    private func application(_ neutral: Case, _ backend: VulkanBackend) throws -> TransportApplication {
        let channels = Self.values.count
        let map = (0..<2 * channels).flatMap { _ -> [Float] in [2, 7, neutral.low, neutral.high] }
        return TransportApplication(
            table: try backend.upload(map, [2, channels, 4]), indices: try backend.upload([neutral.index]),
            strengths: try backend.upload([neutral.strength]))
    }

    @Test func neutralTransportKeepsEveryBit() throws {
        let backend = try TestBackend.make()
        // Greatest and infinite values lie inside no bounded support.
        let x = try backend.upload(Self.values, [1, Self.values.count])
        for neutral in Self.neutral {
            let y = try backend.transport(x, by: application(neutral, backend))
            #expect(try bits(y, on: backend) == Self.values.map(\.bitPattern), "\(neutral)")
        }
    }

    @Test func fusedNeutralTransportKeepsEveryBitOfTheProduct() throws {
        for family in try TestBackend.families() {
            let backend = try TestBackend.make(family: family)
            let (rows, inner, channels) = (9, 64, Self.values.count)
            let x = try backend.upload((0..<rows * inner).map { Float($0 % 23) / 7 - 1.5 }, [rows, inner])
            let weight = try backend.upload((0..<channels * inner).map { Float($0 % 19) / 40 - 0.2 }, [channels, inner])
            let plain = try backend.linear(x, weight: weight, epilogue: Epilogue(activation: .silu))
            for neutral in Self.neutral.prefix(2) {
                let epilogue = Epilogue(activation: .silu, transports: [try application(neutral, backend)])
                let mapped = try backend.linear(x, weight: weight, epilogue: epilogue)
                #expect(try bits(mapped, on: backend) == bits(plain, on: backend), "\(family), \(neutral)")
            }
        }
    }

    @Test func rowsOfABatchDoNotInfluenceEachOther() throws {
        for family in try TestBackend.families() {
            let backend = try TestBackend.make(family: family)
            let (rows, inner, channels) = (13, 96, 40)
            let weight = try backend.upload((0..<channels * inner).map { Float($0 % 31) / 50 - 0.3 }, [channels, inner])
            var values = (0..<rows * inner).map { Float($0 % 29) / 9 - 1.4 }
            let before = try bits(backend.linear(backend.upload(values, [rows, inner]), weight: weight), on: backend)
            for column in 0..<inner { values[5 * inner + column] = .nan }
            let after = try bits(backend.linear(backend.upload(values, [rows, inner]), weight: weight), on: backend)
            for row in 0..<rows where row != 5 {
                #expect(
                    before[row * channels..<(row + 1) * channels] == after[row * channels..<(row + 1) * channels], "\(family), row \(row)")
            }
        }
    }
}
