import Testing
import VulkanRuntime

/// Arguments that a kernel reads by an address among its push constants.
@Suite struct ArgumentMemoryTests {
    /// output[i] = Σ coefficients[j] · input[i]ʲ.
    private func polynomial(
        _ test: TestDevice, _ input: Buffer, to output: Buffer, _ coefficients: [Float], checked: Bool = false, addressOffset: Int = 16
    ) throws {
        let count = UInt32(input.byteCount / 4)
        let words = [input.address, output.address].flatMap { [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)] }
        let pipeline = try test.device.pipeline(
            TestDevice.library.code(checked ? "kernels/polynomial+checked" : "kernels/polynomial"), specialization: [64, 1, 1])
        try (words + [0, 0, count]).withUnsafeBytes { pushed in
            try coefficients.withUnsafeBytes { stored in
                try test.device.stream.dispatch(
                    pipeline, arguments: pushed, stored: StoredArguments(bytes: stored, addressOffset: addressOffset),
                    uses: [BufferUse(input, .read), BufferUse(output, .write)], groups: (1, 1, 1), label: "polynomial")
            }
        }
    }

    /// x³ + constant, the highest coefficients 0.
    private func cubic(_ constant: Float) -> [Float] {
        [constant, 0, 0, 1] + [Float](repeating: 0, count: 60)
    }

    @Test(arguments: [true, false]) func aKernelReadsThem(checked: Bool) throws {
        let test = try TestDevice { $0.checked = checked }
        let input = try test.buffer([0, 1, 2, -3])
        let output = try test.buffer([0, 0, 0, 0])
        try polynomial(test, input, to: output, cubic(5), checked: checked)
        #expect(try test.read(output) == [5, 6, 13, -22])
        #expect(test.device.validationMessages == [])
    }

    /// More of them than the ring holds, and than all batches: each dispatch sees its own, however long it waited.
    @Test(arguments: [1, 7, 64]) func eachDispatchHasItsOwn(dispatchesPerBatch: Int) throws {
        let test = try TestDevice { $0.dispatchesPerBatch = dispatchesPerBatch }
        let rounds = 2 * ArgumentRing.capacity / 256 + 100
        let input = try test.buffer([2])
        let output = try test.device.makeBuffer(byteCount: 4 * 50)
        let place = try test.device.makeBuffer(byteCount: 4)
        for round in 0..<rounds {
            try polynomial(test, input, to: place, cubic(Float(round)))
            if rounds - round <= 50 {
                try test.device.stream.copy(
                    from: place, byteOffset: 0, to: output, byteOffset: 4 * (50 - rounds + round), byteCount: 4)
            }
        }
        #expect(try test.read(output) == (rounds - 50..<rounds).map { Float($0) + 8 })
        #expect(test.device.validationMessages == [])
    }

    @Test func anAddressOutsideThePushConstantsIsRefused() throws {
        let test = try TestDevice()
        let buffer = try test.buffer([1])
        for offset in [-8, 4, 24] {
            #expect(throws: VulkanError.self) { try polynomial(test, buffer, to: buffer, cubic(0), addressOffset: offset) }
        }
        #expect(throws: VulkanError.self) { try polynomial(test, buffer, to: buffer, [Float](repeating: 0, count: 2000)) }
        #expect(test.device.validationMessages == [])
    }
}
