import CPictures
import FileSystem
import Foundation

/// Why a picture cannot be encoded, as one sentence.
public struct PictureError: Error, Equatable, CustomStringConvertible {
    public let description: String
}

extension Picture {
    /// The picture as a PNG file of 8 bits.
    /// - Parameter texts: What the file says beside the picture; each under a keyword of 1 to 79 Latin-1 characters.
    public func png(texts: [(keyword: String, text: String)] = []) throws(PictureError) -> [UInt8] {
        var encoded: [(keyword: [UInt8], text: [UInt8], isUTF8: Bool)] = []
        for (keyword, text) in texts {
            guard let keyword = Picture.latin1(keyword), (1...79).contains(keyword.count), !keyword.contains(0), !text.utf8.contains(0)
            else {
                throw PictureError(description: "the text under '\(keyword)' cannot be written into a PNG")
            }
            // As most writers do: Latin-1 where it suffices, so that older readers show it.
            let latin = Picture.latin1(text)
            encoded.append((keyword + [0], (latin ?? Array(text.utf8)) + [0], isUTF8: latin == nil))
        }
        var message = [CChar](repeating: 0, count: Int(CPICTURES_MESSAGE_SIZE))
        var result: UnsafeMutablePointer<UInt8>?
        var size = 0
        let keywords = encoded.map { Picture.allocate($0.keyword) }
        let contents = encoded.map { Picture.allocate($0.text) }
        defer { for pointer in keywords + contents { pointer.deallocate() } }
        let entries = encoded.indices.map {
            cpictures_text(keyword: keywords[$0], text: contents[$0], is_utf8: encoded[$0].isUTF8 ? 1 : 0)
        }
        let status = cpictures_png_write(
            UInt32(width), UInt32(height), pixels, entries, Int32(entries.count), &result, &size, &message)
        guard status == 0, let result else {
            let text = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw PictureError(description: "the picture cannot be encoded: \(text)")
        }
        defer { free(result) }
        return Array(UnsafeBufferPointer(start: result, count: size))
    }

    /// Writes the picture as a PNG file.
    /// - Throws: ``PictureError``, or a `FileError` that leaves the file as it was.
    public func write(to output: OutputFile, texts: [(keyword: String, text: String)] = []) throws {
        try output.write(png(texts: texts))
    }

    private static func latin1(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard scalar.value < 256 else { return nil }
            bytes.append(UInt8(scalar.value))
        }
        return bytes
    }

    private static func allocate(_ bytes: [UInt8]) -> UnsafeMutablePointer<CChar> {
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        for (index, byte) in bytes.enumerated() { pointer[index] = CChar(bitPattern: byte) }
        return pointer
    }
}
