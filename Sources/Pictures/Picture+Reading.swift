import CPictures
import ModelFiles

extension Picture {
    /// Reads a PNG of any kind, whose transparent parts become white, or a JPEG, which is turned as its camera says.
    /// - Throws: ``ModelFileError`` when it is neither, damaged, or too large.
    public init(path: String) throws(ModelFileError) { try self.init(MappedFile(path: path)) }

    /// Reads a file that is already mapped, or bytes in memory.
    public init(_ file: MappedFile) throws(ModelFileError) {
        defer { withExtendedLifetime(file) {} }
        let bytes = file.bytes.bindMemory(to: UInt8.self)
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            let (width, height) = try Picture.size(of: file, cpictures_png_size)
            let pixels = try Picture.decode(file, count: width * height * 4, cpictures_png_read)
            self.init(width: width, height: height, pixels: Picture.onWhite(pixels))
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            let (width, height) = try Picture.size(of: file, cpictures_jpeg_size)
            let pixels = try Picture.decode(file, count: width * height * 3, cpictures_jpeg_read)
            let orientation = JPEGOrientation(Array(bytes.prefix(JPEGOrientation.searchedBytes)))
            self = orientation.upright(Picture(width: width, height: height, pixels: pixels))
        } else {
            throw .unsupported(file: file.name, detail: "is neither a PNG nor a JPEG picture")
        }
    }

    private typealias Size =
        (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<CChar>?) -> Int32
    private typealias Decode =
        (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, Int, UnsafeMutablePointer<CChar>?) -> Int32

    private static func size(of file: MappedFile, _ read: Size) throws(ModelFileError) -> (width: Int, height: Int) {
        var message = [CChar](repeating: 0, count: Int(CPICTURES_MESSAGE_SIZE))
        var (width, height): (UInt32, UInt32) = (0, 0)
        let bytes = file.bytes.bindMemory(to: UInt8.self)
        guard read(bytes.baseAddress, bytes.count, &width, &height, &message) == 0 else { throw damaged(file, message) }
        guard width > 0, height > 0, Int(width) * Int(height) <= maximumPixels else {
            throw .unsupported(
                file: file.name, detail: "is a picture of \(width) × \(height) pixels; Monge reads up to \(maximumPixels >> 20) million")
        }
        return (Int(width), Int(height))
    }

    private static func decode(_ file: MappedFile, count: Int, _ read: Decode) throws(ModelFileError) -> [UInt8] {
        var message = [CChar](repeating: 0, count: Int(CPICTURES_MESSAGE_SIZE))
        let bytes = file.bytes.bindMemory(to: UInt8.self)
        var pixels = [UInt8](repeating: 0, count: count)
        guard read(bytes.baseAddress, bytes.count, &pixels, count, &message) == 0 else { throw damaged(file, message) }
        return pixels
    }

    private static func damaged(_ file: MappedFile, _ message: [CChar]) -> ModelFileError {
        let text = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return .malformed(file: file.name, detail: "the picture cannot be read: \(text)")
    }

    /// Lays pixels with alpha on white, rounded to the nearest.
    private static func onWhite(_ pixels: [UInt8]) -> [UInt8] {
        var flat: [UInt8] = []
        flat.reserveCapacity(pixels.count / 4 * 3)
        for start in stride(from: 0, to: pixels.count, by: 4) {
            let alpha = Int(pixels[start + 3])
            for channel in 0..<3 {
                let value = Int(pixels[start + channel]) * alpha + 255 * (255 - alpha)
                flat.append(UInt8((value + 127) / 255))
            }
        }
        return flat
    }
}
