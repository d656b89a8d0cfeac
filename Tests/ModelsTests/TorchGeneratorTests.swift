import Foundation
import Models
import TestSupport
import Testing

/// Against `torch.randn` of the generator on the CPU.
struct TorchGeneratorTests {
    private struct Fixture: Decodable {
        struct Case: Decodable {
            let seed: UInt64
            let sizes: [Int]
            let numbers: [[Float]]
        }
        struct Image: Decodable {
            let seed: UInt64
            let channels: Int
            let height: Int
            let width: Int
            let numbers: [Float]
        }
        let cases: [Case]
        let images: [Image]
    }

    /// Numbers up to about 5, made of a logarithm, a square root and a cosine in f32: each loses a few units in the last place.
    private static let tolerance: Float = 4e-6

    private static func fixture() throws -> Fixture { try JSONDecoder().decode(Fixture.self, from: TestSupport.fixture("noise.json")) }

    @Test func numbersAreThoseOfTorch() throws {
        for drawn in try Self.fixture().cases {
            var generator = TorchGenerator(seed: drawn.seed)
            for (size, expected) in zip(drawn.sizes, drawn.numbers) {
                let numbers = generator.normals(size)
                #expect(numbers.count == size)
                let kept = size <= 40 ? numbers : Array(numbers.prefix(20) + numbers.suffix(20))
                #expect(kept.count == expected.count)
                for (number, expected) in zip(kept, expected) { #expect(abs(number - expected) <= Self.tolerance) }
            }
        }
    }

    @Test func channelsOfImagesLieTogether() throws {
        for image in try Self.fixture().images {
            var generator = TorchGenerator(seed: image.seed)
            let numbers = generator.image(height: image.height, width: image.width, channels: image.channels)
            #expect(numbers.count == image.numbers.count)
            for (number, expected) in zip(numbers, image.numbers) { #expect(abs(number - expected) <= Self.tolerance) }
        }
    }
}
