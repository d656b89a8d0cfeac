import CPUBackend
import Tensors
import Testing
import VulkanBackend

/// Images of more pixels than a loop of a software device may have iterations.
@Suite struct LargeImageTests {
    /// 780 by 770 pixels of two channels, whose means are 0.5 and −40.
    private static let shape: Shape = [1, 780, 770, 2]
    private static var x: [Float] {
        (0..<shape.count).map { index in
            let wave = Float((index / 2 * 7919) % 1009) / 504 - 1
            return index % 2 == 0 ? 0.5 + wave : 3 * wave - 40
        }
    }

    @Test func everyPixelCountsOnce() throws {
        let reference = ReferenceBackend()
        let table: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 2, 0.25, -.infinity, .infinity, 0.5, 0, -.infinity, .infinity]
        func compute(_ backend: any Backend) throws -> (norm: [Float], moved: [Float]) {
            let x = try backend.upload(Self.x, Self.shape)
            let map = TransportApplication(
                table: try backend.upload(table, [2, 2, 4]), indices: try backend.upload([1] as [Int32]),
                strengths: try backend.upload([1] as [Float]), spatial: .channelMean)
            return (
                try backend.readFloats(backend.groupNorm(x, groups: 1, epsilon: 1e-5, transports: [map])),
                try backend.readFloats(backend.transport(x, by: map))
            )
        }
        let expected = try compute(reference)
        for family in try TestBackend.families() {
            let actual = try compute(TestBackend.make(family: family))
            // A mean of values up to 43 that errs by 100 roundings of them: pixels are summed in blocks of blocks.
            let bound: Float = 100 * 43 * 0x1p-24
            #expect(zip(actual.norm, expected.norm).allSatisfy { abs($0 - $1) <= bound }, "\(family)")
            #expect(zip(actual.moved, expected.moved).allSatisfy { abs($0 - $1) <= 2 * bound }, "\(family)")
        }
    }
}
