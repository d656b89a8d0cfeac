import Tensors
import Testing
import VulkanBackend

/// Quantised weights in the groups that a device keeps them in.
struct WeightLayoutTests {
    private static let types = DType.allCases.filter(\.isQuantised)

    private static func blocks(_ count: Int, _ dtype: DType) -> [UInt8] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count * dtype.blockBytes).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    private static func packed(_ bytes: [UInt8], _ layout: WeightLayout) -> [UInt8] {
        var groups = [UInt8](repeating: 0xFF, count: layout.byteCount(holding: bytes.count))
        bytes.withUnsafeBytes { source in groups.withUnsafeMutableBytes { layout.pack(source, into: $0) } }
        return groups
    }

    /// Counts that fill groups and that do not.
    @Test(arguments: types)
    func whatIsPackedIsUnpacked(dtype: DType) throws {
        let layout = try #require(WeightLayout(dtype))
        for count in [1, 2, 7, 8, 9, 16, 19] {
            let bytes = Self.blocks(count, dtype)
            let groups = Self.packed(bytes, layout)
            #expect(groups.count % layout.groupBytes == 0 && layout.groupBytes % 16 == 0)
            var back = [UInt8](repeating: 0xFF, count: bytes.count)
            groups.withUnsafeBytes { source in back.withUnsafeMutableBytes { layout.unpack(source, into: $0) } }
            #expect(back == bytes, "\(count) blocks")
        }
    }

    /// Each integer lies where the documentation of the layout says, found in the file's layout by ggml-common.h.
    @Test func integersLieWhereTheLayoutSays() throws {
        for (dtype, scaleBytes) in [(DType.q4_0, 2), (.q5_0, 2), (.q8_0, 2)] {
            let layout = try #require(WeightLayout(dtype))
            let bytes = Self.blocks(8, dtype)
            let groups = Self.packed(bytes, layout)
            for chunk in 0..<8 {
                let block = Array(bytes[chunk * dtype.blockBytes..<(chunk + 1) * dtype.blockBytes])
                let (half, s) = (chunk / 4, chunk % 4)
                for k in 0..<32 {
                    let (h, i, byte) = (k / 16, k % 16 / 4, [0, 2, 1, 3][k % 4])
                    let lane = 2 * half + h
                    let stored: Int
                    let expected: Int
                    switch dtype {
                    case .q8_0:
                        stored = Int(groups[16 * (4 * s + lane) + 4 * i + byte])
                        expected = Int(block[scaleBytes + k])
                    default:
                        let nibbles = dtype == .q4_0 ? 2 : 6
                        var number = Int(groups[16 * (4 * (s / 2) + lane) + 8 * (s % 2) + 4 * (i / 2) + byte] >> (4 * (i % 2)) & 15)
                        var truth = Int(block[nibbles + k % 16] >> (4 * (k / 16)) & 15)
                        if dtype == .q5_0 {
                            number |= Int(groups[128 + 8 * lane + 4 * (s / 2) + byte] >> (4 * (s % 2) + i) & 1) << 4
                            truth |= Int(block[2 + k / 8] >> (k % 8) & 1) << 4
                        }
                        (stored, expected) = (number, truth)
                    }
                    #expect(stored == expected, "\(dtype), chunk \(chunk), element \(k)")
                }
                let scale = layout.groupBytes - 16 + 2 * chunk
                #expect(Array(groups[scale..<scale + 2]) == Array(block[0..<2]))
            }
        }
    }

    /// A device gives back the bytes of the file, of tensors and of their rows, and writes rows without their neighbours.
    @Test(arguments: types)
    func deviceReadsAndWritesTheFilesLayout(dtype: DType) throws {
        let backend = try TestBackend.make()
        let (rows, channels) = (11, dtype.blockElements == 32 ? 96 : 256)
        let rowBytes = try #require(dtype.byteCount(elements: channels))
        let bytes = Self.blocks(rows * channels / dtype.blockElements, dtype)
        let tensor = try backend.upload(bytes, [rows, channels], dtype)
        func read(_ tensor: Tensor) throws -> [UInt8] {
            var result = [UInt8](repeating: 0, count: tensor.byteCount)
            try result.withUnsafeMutableBytes { try backend.read(tensor, into: $0) }
            return result
        }
        #expect(try read(tensor) == bytes)
        #expect(try read(tensor.rows(3..<7)) == Array(bytes[3 * rowBytes..<7 * rowBytes]))
        let new = bytes[0..<2 * rowBytes].map { $0 ^ 0x55 }
        try new.withUnsafeBytes { try backend.write($0, to: tensor.rows(5..<7)) }
        #expect(try read(tensor) == Array(bytes[..<(5 * rowBytes)]) + new + Array(bytes[(7 * rowBytes)...]))
        #expect(backend.device.validationMessages == [])
    }

    /// Rows that begin within a group are computed as the same rows in a tensor of their own.
    @Test(arguments: try TestBackend.families(), types)
    func rowsWithinAGroupAreRows(family: KernelFamily, dtype: DType) throws {
        let backend = try TestBackend.make(family: family)
        let (rows, channels) = (9, dtype.blockElements == 32 ? 192 : 256)
        let rowBytes = try #require(dtype.byteCount(elements: channels))
        var inputs = MatrixCheckInputs()
        let bytes = inputs.weights(rows: rows, columns: channels, dtype)
        let x = try backend.upload(inputs.activations(3 * channels), [3, channels])
        let all = try bytes.withUnsafeBytes { try backend.upload($0, [rows, channels], dtype) }
        let own = try backend.upload(Array(bytes[2 * rowBytes..<6 * rowBytes]), [4, channels], dtype)
        let expected = try backend.readFloats(backend.linear(x, weight: own))
        #expect(try backend.readFloats(backend.linear(x, weight: all.rows(2..<6))) == expected)
        #expect(backend.device.validationMessages == [])
    }
}
