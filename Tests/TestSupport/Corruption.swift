/// Ways to break a file.
package enum Corruption {
    /// Breaks a file in one to three ways.
    package static func corrupt(_ original: [UInt8], _ donor: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = .random(in: 0 ... .max, using: &random)
            case 2: bytes.removeSubrange(place...)
            case 3: overwrite(&bytes, place, extreme(&random, UInt64(bytes.count)), width: 8)
            case 4: overwrite(&bytes, place, extreme(&random, UInt64(bytes.count)), width: 4)
            case 5:
                let source = Int.random(in: 0..<donor.count, using: &random)
                let length = min(Int.random(in: 1...64, using: &random), donor.count - source)
                bytes.insert(contentsOf: donor[source..<source + length], at: place)
            default: bytes.removeSubrange(place..<min(place + Int.random(in: 1...16, using: &random), bytes.count))
            }
        }
        return bytes
    }

    /// A number on which lengths, offsets and counts go wrong.
    package static func extreme(_ random: inout SplitMix64, _ size: UInt64) -> UInt64 {
        let numbers: [UInt64] = [
            0, 1, .max, .max - 7, 1 << 63, (1 << 63) - 1, 1 << 62, 1 << 61, 1 << 32, (1 << 32) - 1, 1 << 31, size, size - 1, size / 8,
        ]
        return numbers.randomElement(using: &random)!
    }

    package static func overwrite(_ bytes: inout [UInt8], _ place: Int, _ number: UInt64, width: Int) {
        for (index, byte) in GGUFBuilder.bytes(number).enumerated().prefix(width) where place + index < bytes.count {
            bytes[place + index] = byte
        }
    }
}
