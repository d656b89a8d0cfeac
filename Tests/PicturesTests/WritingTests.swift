import FileSystem
import Foundation
import ModelFiles
import Pictures
import TestSupport
import Testing

struct WritingTests {
    /// The chunks of a PNG (its specification, section 5): type and data.
    private static func chunks(_ png: [UInt8]) -> [(type: String, data: [UInt8])] {
        var chunks: [(String, [UInt8])] = []
        var place = 8
        while place + 12 <= png.count {
            let count = png[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            chunks.append((String(decoding: png[place + 4..<place + 8], as: UTF8.self), Array(png[place + 8..<place + 8 + count])))
            place += 12 + count
        }
        return chunks
    }

    private static var picture: Picture {
        Picture(width: 7, height: 5, pixels: (0..<105).map { UInt8(truncatingIfNeeded: $0 * 37) })
    }

    @Test func whatIsWrittenIsRead() throws {
        let png = try Self.picture.png()
        #expect(try Picture(MappedFile(contents: png, name: "x.png")) == Self.picture)
        #expect(Self.chunks(png).map(\.type) == ["IHDR", "IDAT", "IEND"])
        try withTemporaryFolder { folder in
            try Self.picture.write(to: OutputFile(folder + "/a.png"), texts: [("parameters", "a cat")])
            #expect(try Picture(path: folder + "/a.png") == Self.picture)
            #expect(throws: FileError.self) { try Self.picture.write(to: OutputFile(folder + "/none/a.png")) }
        }
    }

    /// Latin-1 in tEXt, other texts in iTXt (section 11.3.4): the keyword, flags and languages, each ended by a zero, and UTF-8.
    @Test func textsAreWritten() throws {
        let png = try Self.picture.png(texts: [("parameters", "un café\nSteps: 20"), ("title", "猫 λ")])
        let chunks = Self.chunks(png)
        #expect(chunks.map(\.type) == ["IHDR", "tEXt", "iTXt", "IDAT", "IEND"])
        #expect(chunks[1].data == Array("parameters".utf8) + [0] + Array("un caf".utf8) + [0xE9] + Array("\nSteps: 20".utf8))
        #expect(chunks[2].data == Array("title".utf8) + [0, 0, 0, 0, 0] + Array("猫 λ".utf8))
        #expect(throws: PictureError.self) { try Self.picture.png(texts: [("", "a")]) }
        #expect(throws: PictureError.self) { try Self.picture.png(texts: [(String(repeating: "k", count: 80), "a")]) }
        #expect(throws: PictureError.self) { try Self.picture.png(texts: [("猫", "a")]) }
        #expect(throws: PictureError.self) { try Self.picture.png(texts: [("a", "b\0c")]) }
    }

    /// The form of A1111's `create_infotext`: values with separators as JSON strings.
    @Test func settingsHaveTheUsualForm() {
        let settings = PictureSettings(
            prompt: "a cat, sitting", negativePrompt: "blurry", steps: 20, sampler: "DPM++ 2M Karras", guidance: 7.5, seed: 1234,
            width: 512, height: 768, model: "sd-v1-5", more: [("Maps", #"a "b", c: 1"#), ("Strength", "0.5")])
        #expect(
            settings.text == """
                a cat, sitting
                Negative prompt: blurry
                Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 1234, Size: 512x768, Model: sd-v1-5, \
                Maps: "a \\"b\\", c: 1", Strength: 0.5
                """)
        let plain = PictureSettings(
            prompt: "a", steps: 1, sampler: "Euler", guidance: 7, seed: .max, width: 8, height: 8, model: "line\nbreak\u{1}")
        #expect(
            plain.text
                == "a\nSteps: 1, Sampler: Euler, CFG scale: 7, Seed: 18446744073709551615, Size: 8x8, Model: \"line\\nbreak\\u0001\"")
    }

    @Test func stripsHavePicturesUnderLabels() {
        func flat(_ value: UInt8, _ width: Int, _ height: Int) -> Picture {
            Picture(width: width, height: height, pixels: [UInt8](repeating: value, count: width * height * 3))
        }
        let strip = PictureStrip.make([flat(10, 64, 64), flat(20, 64, 64), flat(30, 32, 16)], labels: ["0", "", "a label far too long"])
        #expect(strip.width == 64 * 3 + 8 && strip.height == 64 + 13)
        func pixel(_ x: Int, _ y: Int) -> UInt8 { strip.pixels[(y * strip.width + x) * 3] }
        #expect(pixel(0, 13) == 10 && pixel(63, 76) == 10 && pixel(64, 40) == 255 && pixel(68, 13) == 20)
        #expect(pixel(136, 13) == 255 && pixel(136 + 16, 13) == 30 && pixel(136 + 47, 28) == 30 && pixel(136 + 16, 29) == 255)
        // "0" is five dots wide, in the middle: its left stroke has a black dot in the second row of the letter.
        #expect(pixel(29, 2 + 1) == 0 && pixel(29, 2) == 255)
        let labelled = (136..<200).filter { x in (0..<13).contains { pixel(x, $0) == 0 } }
        #expect(labelled.count > 20 && !(68..<132).contains { x in (0..<13).contains { pixel(x, $0) == 0 } })
    }
}
