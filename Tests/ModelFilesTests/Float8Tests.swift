import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

/// Numbers of eight bits in a safetensors file, against PyTorch.
struct Float8Tests {
    @Test func theyAreWidenedExactly() throws {
        let file = try SafetensorsFile(path: fixtures.path + "/float8.safetensors")
        let stored = try file.tensor("stored")
        #expect(stored.dtype == .f16 && stored.shape == [16, 16])
        let numbers = stored.bytes.bindMemory(to: Float16.self).map { Float($0) }
        let expected = try file.tensor("numbers").floats()
        #expect(numbers.count == 256 && expected.count == 256)
        for (number, expected) in zip(numbers, expected) {
            #expect(expected.isNaN ? number.isNaN : number.bitPattern == expected.bitPattern, "\(number) for \(expected)")
        }
        #expect(expected.max() == nil || expected.contains(448))
    }
}
