import Foundation
import ModelFiles
import Pictures
import TestSupport
import Testing

/// Against Pillow, and NumPy where Pillow does not keep all bits.
struct ReadingTests {
    private struct Expected: Decodable {
        let width: Int
        let height: Int
        let pixels: [UInt8]
    }

    private static let folder = fixtures.path + "/pictures/"

    @Test func picturesOfAllKindsAreRead() throws {
        let all = try JSONDecoder().decode([String: Expected].self, from: fixture("pictures/expected.json"))
        #expect(all.count == 29)
        for (name, expected) in all {
            let picture = try Picture(path: Self.folder + name)
            #expect(picture.width == expected.width && picture.height == expected.height, "\(name)")
            #expect(picture.pixels.count == expected.pixels.count)
            // Blends with white may be rounded otherwise; all else is equal, JPEG's transforms too.
            let tolerance = name.contains("a8") || name.contains("16") || name.contains("alpha") ? 1 : 0
            let difference = zip(picture.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }.max()!
            #expect(difference <= tolerance, "\(name): \(difference)")
        }
    }

    private func message(_ bytes: [UInt8], name: String) -> String {
        do throws(ModelFileError) {
            _ = try Picture(MappedFile(contents: bytes, name: name))
            return "read"
        } catch { return "\(error)" }
    }

    @Test func otherFilesAreRefused() throws {
        let bytes = try Array(fixture("pictures/rgb8.png"))
        #expect(message(bytes, name: "x.png") == "read")
        #expect(message(Array("GIF89a".utf8), name: "x.gif").contains("neither a PNG nor a JPEG"))
        #expect(message([], name: "x").contains("neither"))
        #expect(message(Array(bytes.prefix(60)), name: "x.png").contains("cannot be read"))
        #expect(try message(Array(fixture("pictures/cmyk.jpg")), name: "x.jpg").contains("CMYK"))
        let half = try Array(fixture("pictures/420.jpg"))
        #expect(message(Array(half.prefix(half.count - 60)), name: "x.jpg").contains("cannot be read"))
    }

    /// A header that promises more than is read takes no memory.
    @Test func sizesAreCheckedFirst() throws {
        var bytes = try Array(fixture("pictures/rgb8.png"))
        // The width and height of the header, and its checksum, which libpng wants right.
        bytes.replaceSubrange(16..<24, with: [0, 0, 0x40, 0, 0, 0, 0x40, 0])
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes[12..<29] {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        for index in 0..<4 { bytes[29 + index] = UInt8(truncatingIfNeeded: ~crc >> (24 - 8 * index)) }
        #expect(message(bytes, name: "large.png").contains("16384 × 16384"))
    }

    @Test(
        .timeLimit(.minutes(60)), arguments: ["rgba8.png", "palette4.png", "interlaced.png", "420.jpg", "progressive.jpg", "turned6.jpg"])
    func corruptedPicturesAreReadOrRefused(_ name: String) throws {
        let original = try Array(fixture("pictures/" + name))
        var random = SplitMix64(seed: 31)
        var refused = 0
        for _ in 0..<1500 {
            let bytes = Corruption.corrupt(original, original, &random)
            do throws(ModelFileError) {
                let picture = try Picture(MappedFile(contents: bytes, name: name))
                #expect(picture.pixels.count == picture.width * picture.height * 3)
            } catch { refused += 1 }
        }
        #expect(refused > 100)
    }
}
