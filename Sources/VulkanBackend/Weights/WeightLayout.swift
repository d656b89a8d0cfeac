import Tensors

/// How a device keeps quantised weights: in groups of eight chunks of 32 weights, their integers in whole vectors of 16 bytes that neighbouring
/// lanes load side by side, their scales in vectors of their own (common/weights.glsl, which reads them).
///
/// A group takes the bytes of its blocks and has eight of them, or one where a block is eight chunks; those of q6_K, whose 210 bytes are
/// no whole vectors, come eight at a time, with the eight scales of blocks behind them. So a group begins where its first block begins in
/// the file's layout, and only the last group of a tensor is filled up.
///
/// The integers of a group lie so (Q half of the group, h half of a chunk, s chunk in its half of the group, all from 0):
/// - The vector of Q, h and s, 16 bytes, or 8 bytes each of two neighbouring s where integers have four bits, or four of which lie here:
///   vectors 4·s + 2·Q + h, or 4·(s / 2) + 2·Q + h.
/// - In it the four integers 4·i ..< 4·i + 4 of the half are bytes 0, 2, 1 and 3 of word i, or the lower (i even) or upper halves of them in
///   word i / 2. In this order the first two and the last two are in the same places of the halves of a word.
/// - Fifth bits: bit 4·(s mod 2) + i of the same byte of a word, that of Q, h and s / 2, is the fifth bit. Fifth and sixth bits: bits 2·i and
///   2·i + 1 of a word, that of Q, h and s.
package struct WeightLayout {
    /// The chunks of a group.
    static let chunks = 8

    let dtype: DType
    /// The blocks that are kept together.
    let groupBlocks: Int

    /// - Returns: nil for plain types, which are kept as they are.
    package init?(_ dtype: DType) {
        guard dtype.isQuantised else { return nil }
        self.dtype = dtype
        groupBlocks = dtype == .q4_K || dtype == .q5_K ? 1 : 8
    }

    package var groupBytes: Int { groupBlocks * dtype.blockBytes }

    /// The bytes that hold `byteCount` bytes of the file's layout.
    package func byteCount(holding byteCount: Int) -> Int { (byteCount + groupBytes - 1) / groupBytes * groupBytes }

    /// Bytes of the file's layout to as many whole groups as hold them, the last filled up with zeros.
    package func pack(_ blocks: UnsafeRawBufferPointer, into groups: UnsafeMutableRawBufferPointer) {
        precondition(groups.count == byteCount(holding: blocks.count), "the groups hold the blocks")
        groups.initializeMemory(as: UInt8.self, repeating: 0)
        forEachBlock(of: blocks.count) { block, place in
            for chunk in 0..<dtype.blockElements / 32 {
                place.write(integers(blocks, block, chunk), chunk, to: groups)
            }
            place.copyScales(dtype, from: blocks, block * dtype.blockBytes, to: groups)
        }
    }

    /// Bytes of the file's layout from the groups that hold them.
    package func unpack(_ groups: UnsafeRawBufferPointer, into blocks: UnsafeMutableRawBufferPointer) {
        precondition(groups.count == byteCount(holding: blocks.count), "the groups hold the blocks")
        blocks.initializeMemory(as: UInt8.self, repeating: 0)
        forEachBlock(of: blocks.count) { block, place in
            for chunk in 0..<dtype.blockElements / 32 {
                setIntegers(place.read(chunk, from: groups), blocks, block, chunk)
            }
            place.copyScales(dtype, back: blocks, block * dtype.blockBytes, from: groups)
        }
    }

    private func forEachBlock(of byteCount: Int, _ body: (Int, Place) -> Void) {
        for block in 0..<byteCount / dtype.blockBytes {
            body(block, Place(dtype, group: block / groupBlocks * groupBytes, block: block % groupBlocks))
        }
    }
}

/// The integers of a chunk without their signs, a byte each, eight to a word.
private typealias Integers = (UInt64, UInt64, UInt64, UInt64)

private let lowHalves: UInt64 = 0x0F0F_0F0F_0F0F_0F0F

// MARK: The file's layout

extension WeightLayout {
    private func integers(_ bytes: UnsafeRawBufferPointer, _ block: Int, _ chunk: Int) -> Integers {
        let start = block * dtype.blockBytes
        func word(_ offset: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self) }
        /// Four words from `offset` on, each shifted and masked.
        func words(_ offset: Int, _ shift: Int, _ mask: UInt64) -> Integers {
            (
                word(offset) >> shift & mask, word(offset + 8) >> shift & mask, word(offset + 16) >> shift & mask,
                word(offset + 24) >> shift & mask
            )
        }
        /// 16 bytes from `offset` on, whose halves are the first and the last 16 integers.
        func halves(_ offset: Int) -> Integers {
            (
                word(offset) & lowHalves, word(offset + 8) & lowHalves, word(offset) >> 4 & lowHalves, word(offset + 8) >> 4 & lowHalves
            )
        }
        func fifthBits(_ offset: Int, _ rest: Integers) -> Integers {
            func bits(_ byte: Int) -> UInt64 { spread(bytes[start + offset + byte]) << 4 }
            return (rest.0 | bits(0), rest.1 | bits(1), rest.2 | bits(2), rest.3 | bits(3))
        }
        func joined(_ low: Integers, _ high: Integers) -> Integers {
            (low.0 | high.0 << 4, low.1 | high.1 << 4, low.2 | high.2 << 4, low.3 | high.3 << 4)
        }
        switch dtype {
        case .q4_0: return halves(2)
        case .q4_1: return halves(4)
        case .q5_0: return fifthBits(2, halves(6))
        case .q5_1: return fifthBits(4, halves(8))
        case .q8_0: return words(2, 0, ~0)
        case .q4_K: return words(16 + 32 * (chunk / 2), 4 * (chunk % 2), lowHalves)
        case .q5_K:
            return joined(
                words(48 + 32 * (chunk / 2), 4 * (chunk % 2), lowHalves), words(16, chunk, 0x0101_0101_0101_0101))
        case .q6_K:
            let (part, quarter) = (chunk / 4, chunk % 4)
            return joined(
                words(64 * part + 32 * (quarter % 2), 4 * (quarter / 2), lowHalves),
                words(128 + 32 * part, 2 * quarter, 0x0303_0303_0303_0303))
        default: preconditionFailure("\(dtype) is not quantised")
        }
    }

    /// The inverse, onto zeros.
    private func setIntegers(_ integers: Integers, _ bytes: UnsafeMutableRawBufferPointer, _ block: Int, _ chunk: Int) {
        let start = block * dtype.blockBytes
        func add(_ word: UInt64, _ offset: Int) {
            let old = bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self)
            bytes.storeBytes(of: old | word, toByteOffset: start + offset, as: UInt64.self)
        }
        func addWords(_ offset: Int, _ shift: Int, _ from: Int, _ mask: UInt64) {
            add((integers.0 >> from & mask) << shift, offset)
            add((integers.1 >> from & mask) << shift, offset + 8)
            add((integers.2 >> from & mask) << shift, offset + 16)
            add((integers.3 >> from & mask) << shift, offset + 24)
        }
        func addHalves(_ offset: Int) {
            add(integers.0 & lowHalves | (integers.2 & lowHalves) << 4, offset)
            add(integers.1 & lowHalves | (integers.3 & lowHalves) << 4, offset + 8)
        }
        func addFifthBits(_ offset: Int) {
            for (i, word) in [integers.0, integers.1, integers.2, integers.3].enumerated() {
                bytes[start + offset + i] = gather(word >> 4 & 0x0101_0101_0101_0101)
            }
        }
        switch dtype {
        case .q4_0: addHalves(2)
        case .q4_1: addHalves(4)
        case .q5_0:
            addFifthBits(2)
            addHalves(6)
        case .q5_1:
            addFifthBits(4)
            addHalves(8)
        case .q8_0: addWords(2, 0, 0, ~0)
        case .q4_K: addWords(16 + 32 * (chunk / 2), 4 * (chunk % 2), 0, lowHalves)
        case .q5_K:
            addWords(48 + 32 * (chunk / 2), 4 * (chunk % 2), 0, lowHalves)
            addWords(16, chunk, 4, 0x0101_0101_0101_0101)
        case .q6_K:
            let (part, quarter) = (chunk / 4, chunk % 4)
            addWords(64 * part + 32 * (quarter % 2), 4 * (quarter / 2), 0, lowHalves)
            addWords(128 + 32 * part, 2 * quarter, 4, 0x0303_0303_0303_0303)
        default: preconditionFailure("\(dtype) is not quantised")
        }
    }
}

/// Bit i to byte i.
private func spread(_ bits: UInt8) -> UInt64 {
    // Byte i has bit i alone, or nothing.
    let alone = UInt64(bits) &* 0x0101_0101_0101_0101 & 0x8040_2010_0804_0201
    return (alone &+ 0x7F7F_7F7F_7F7F_7F7F) >> 7 & 0x0101_0101_0101_0101
}

/// The lowest bit of byte i to bit i.
private func gather(_ bytes: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: (bytes &* 0x0102_0408_1020_4080) >> 56) }

/// Exchanges the middle two bytes of each half.
private func exchangingMiddle(_ word: UInt64) -> UInt64 {
    word & 0xFF00_00FF_FF00_00FF | (word & 0x0000_FF00_0000_FF00) << 8 | (word & 0x00FF_0000_00FF_0000) >> 8
}

// MARK: The groups

extension WeightLayout {
    /// Where a block lies among the groups.
    private struct Place {
        /// The first byte of its eight chunks, or of those that it is one of.
        let start: Int
        /// Which of them a block of one chunk is.
        let first: Int
        /// Bits beyond the lowest four, if integers do not lie in bytes.
        let highBits: Int
        let isInBytes: Bool
        /// The scale of a block of q6_K.
        let blockScale: Int

        init(_ dtype: DType, group: Int, block: Int) {
            let isChunk = dtype.blockElements == 32
            start = dtype == .q6_K ? group + 208 * block : group
            first = isChunk ? block : 0
            blockScale = group + 208 * 8 + 2 * block
            isInBytes = dtype == .q8_0
            highBits =
                switch dtype {
                case .q5_0, .q5_1, .q5_K: 1
                case .q6_K: 2
                default: 0
                }
        }

        private var highStart: Int { start + 128 }
        private var scaleStart: Int { start + (isInBytes ? 256 : 128 + 32 * highBits) }

        func write(_ integers: Integers, _ chunk: Int, to bytes: UnsafeMutableRawBufferPointer) {
            let (half, s) = ((first + chunk) / 4, (first + chunk) % 4)
            for h in 0..<2 {
                let lane = 2 * half + h
                let words = h == 0 ? (integers.0, integers.1) : (integers.2, integers.3)
                let (lower, upper) = (exchangingMiddle(words.0), exchangingMiddle(words.1))
                if isInBytes {
                    let place = start + 16 * (4 * s + lane)
                    bytes.storeBytes(of: lower, toByteOffset: place, as: UInt64.self)
                    bytes.storeBytes(of: upper, toByteOffset: place + 8, as: UInt64.self)
                    continue
                }
                func joined(_ word: UInt64) -> UInt64 { (word | word >> 28) & 0xFFFF_FFFF }
                bytes.storeBytes(
                    of: joined(lower & lowHalves) | joined(upper & lowHalves) << 32,
                    toByteOffset: start + 16 * (4 * (s / 2) + lane) + 8 * (s % 2), as: UInt64.self)
                if highBits == 0 { continue }
                // Fours of the lower word and of the upper.
                let (a, b) = (lower >> 4 & 0x0303_0303_0303_0303, upper >> 4 & 0x0303_0303_0303_0303)
                func highs(_ bits: Int) -> UInt32 {
                    UInt32(truncatingIfNeeded: a | (a >> 32) << bits | b << (2 * bits) | (b >> 32) << (3 * bits))
                }
                if highBits == 1 {
                    let place = highStart + 8 * lane + 4 * (s / 2)
                    let old = bytes.load(fromByteOffset: place, as: UInt32.self)
                    bytes.storeBytes(of: old | highs(1) << (4 * (s % 2)), toByteOffset: place, as: UInt32.self)
                } else {
                    bytes.storeBytes(of: highs(2), toByteOffset: highStart + 16 * lane + 4 * s, as: UInt32.self)
                }
            }
        }

        func read(_ chunk: Int, from bytes: UnsafeRawBufferPointer) -> Integers {
            let (half, s) = ((first + chunk) / 4, (first + chunk) % 4)
            func words(_ h: Int) -> (UInt64, UInt64) {
                let lane = 2 * half + h
                if isInBytes {
                    let place = start + 16 * (4 * s + lane)
                    return (
                        exchangingMiddle(bytes.load(fromByteOffset: place, as: UInt64.self)),
                        exchangingMiddle(bytes.load(fromByteOffset: place + 8, as: UInt64.self))
                    )
                }
                let vector = bytes.load(fromByteOffset: start + 16 * (4 * (s / 2) + lane) + 8 * (s % 2), as: UInt64.self)
                func parted(_ word: UInt64) -> UInt64 { (word | word << 28) & lowHalves }
                var (lower, upper) = (parted(vector & 0xFFFF_FFFF), parted(vector >> 32))
                let high: UInt64
                switch highBits {
                case 0: return (exchangingMiddle(lower), exchangingMiddle(upper))
                case 1: high = UInt64(bytes.load(fromByteOffset: highStart + 8 * lane + 4 * (s / 2), as: UInt32.self) >> (4 * (s % 2)))
                default: high = UInt64(bytes.load(fromByteOffset: highStart + 16 * lane + 4 * s, as: UInt32.self))
                }
                let mask: UInt64 = highBits == 1 ? 0x0101_0101 : 0x0303_0303
                func four(_ i: Int) -> UInt64 { (high >> (highBits * i) & mask) << 4 }
                lower |= four(0) | four(1) << 32
                upper |= four(2) | four(3) << 32
                return (exchangingMiddle(lower), exchangingMiddle(upper))
            }
            let (first, second) = (words(0), words(1))
            return (first.0, first.1, second.0, second.1)
        }

        /// Calls `body` with the offsets of each stretch of scales, in a block and among the groups, and its bytes.
        private func forEachScale(_ dtype: DType, _ body: (Int, Int, Int) -> Void) {
            switch dtype {
            case .q4_0, .q5_0, .q8_0: body(0, scaleStart + 2 * first, 2)
            case .q4_1, .q5_1: body(0, scaleStart + 4 * first, 4)
            case .q6_K:
                for lane in 0..<4 {
                    for s in 0..<4 { body(192 + 2 * (4 * (lane / 2) + s) + lane % 2, scaleStart + 4 * lane + s, 1) }
                }
                body(208, blockScale, 2)
            default: body(0, scaleStart, 16)
            }
        }

        func copyScales(_ dtype: DType, from blocks: UnsafeRawBufferPointer, _ block: Int, to groups: UnsafeMutableRawBufferPointer) {
            forEachScale(dtype) { offset, place, count in
                for i in 0..<count { groups[place + i] = blocks[block + offset + i] }
            }
        }

        func copyScales(_ dtype: DType, back blocks: UnsafeMutableRawBufferPointer, _ block: Int, from groups: UnsafeRawBufferPointer) {
            forEachScale(dtype) { offset, place, count in
                for i in 0..<count { blocks[block + offset + i] = groups[place + i] }
            }
        }
    }
}
