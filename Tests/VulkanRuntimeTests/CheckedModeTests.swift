import Testing
import VulkanRuntime

@Suite struct CheckedModeTests {
    @Test func anIndexOutOfBoundsNamesKernelArgumentAndIndex() throws {
        let test = try TestDevice { $0.checked = true }
        let input = try test.buffer([1, 2, 3, 4])
        let output = try test.buffer([0, 0, 0, 0])
        try test.scale(input, to: output, by: 2, count: 5, checked: true)
        #expect(throws: VulkanError.outOfBounds(kernel: "kernels/scale+checked", argument: 0, index: 4, length: 4)) {
            try test.device.stream.synchronize()
        }
        // The rest is computed, and the error is thrown once.
        #expect(try test.read(output) == [2, 4, 6, 8])
        #expect(test.device.validationMessages == [])
    }

    @Test func theSecondArgumentHasItsOwnLength() throws {
        let test = try TestDevice { $0.checked = true }
        let input = try test.buffer([1, 2, 3, 4])
        let output = try test.buffer([0, 0, 0])
        try test.scale(input, to: output, by: 2, checked: true)
        #expect(throws: VulkanError.outOfBounds(kernel: "kernels/scale+checked", argument: 1, index: 3, length: 3)) {
            try test.read(output)
        }
    }

    @Test func kernelsWithinBoundsAreFree() throws {
        let test = try TestDevice { $0.checked = true }
        let input = try test.buffer((0..<300).map(Float.init))
        let output = try test.device.makeBuffer(byteCount: 1200)
        // More dispatches than all batches together hold, so that check blocks are used again.
        for _ in 0..<300 { try test.scale(input, to: output, by: 2, checked: true) }
        #expect(try test.read(output) == (0..<300).map { 2 * Float($0) })
        #expect(test.device.validationMessages == [])
    }

    @Test func aFaultAmongManyDispatchesIsFound() throws {
        let test = try TestDevice { $0.checked = true }
        let input = try test.buffer([1, 2, 3, 4])
        let output = try test.buffer([0, 0, 0, 0])
        #expect(throws: VulkanError.outOfBounds(kernel: "kernels/scale+checked", argument: 0, index: 4, length: 4)) {
            for index in 0..<500 { try test.scale(input, to: output, by: 2, count: index == 7 ? 5 : 4, checked: true) }
            try test.device.stream.synchronize()
        }
    }
}
