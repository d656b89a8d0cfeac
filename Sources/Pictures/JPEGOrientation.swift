/// How a camera was held, from the Exif part of a JPEG: the tag `Orientation` (Exif 2.3, section 4.6.4), 1 for upright.
struct JPEGOrientation {
    let number: Int

    /// The part lies at the start of a file and has at most 64 KiB.
    static let searchedBytes = 1 << 17

    /// - Parameter bytes: The start of the file.
    init(_ bytes: [UInt8]) {
        number = JPEGOrientation.exif(bytes).flatMap(JPEGOrientation.orientation) ?? 1
    }

    /// The TIFF structure in the segment APP1.
    private static func exif(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        var place = 2
        while place + 4 <= bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
            let end = place + 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
            guard end > place + 3, end <= bytes.count else { return nil }
            let content = bytes[place + 4..<max(end, place + 4)]
            if bytes[place + 1] == 0xE1, content.starts(with: Array("Exif\0\0".utf8)) { return content.dropFirst(6) }
            place = end
        }
        return nil
    }

    private static func orientation(_ tiff: ArraySlice<UInt8>) -> Int? {
        let bytes = Array(tiff)
        let isLittle = bytes.starts(with: [0x49, 0x49, 0x2A, 0])
        guard isLittle || bytes.starts(with: [0x4D, 0x4D, 0, 0x2A]) else { return nil }
        func number(_ place: Int, _ width: Int) -> Int? {
            guard place >= 0, place + width <= bytes.count else { return nil }
            let part = bytes[place..<place + width]
            return (isLittle ? Array(part.reversed()) : Array(part)).reduce(0) { $0 << 8 | Int($1) }
        }
        guard let directory = number(4, 4), let count = number(directory, 2) else { return nil }
        for entry in 0..<count {
            let place = directory + 2 + entry * 12
            guard let tag = number(place, 2) else { return nil }
            if tag == 0x0112, number(place + 2, 2) == 3, let value = number(place + 8, 2), (1...8).contains(value) { return value }
        }
        return nil
    }

    /// The picture turned and mirrored so that its top is up.
    func upright(_ picture: Picture) -> Picture {
        guard number > 1 else { return picture }
        let isTurned = number >= 5
        let (width, height) = isTurned ? (picture.height, picture.width) : (picture.width, picture.height)
        // Which sides of the stored picture the rows and columns begin at, after the axes are exchanged where they are.
        let flipsX = [2, 3, 7, 8].contains(number)
        let flipsY = [3, 4, 6, 7].contains(number)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(picture.pixels.count)
        for y in 0..<height {
            for x in 0..<width {
                let (column, row) = isTurned ? (y, x) : (x, y)
                let storedX = flipsX ? picture.width - 1 - column : column
                let storedY = flipsY ? picture.height - 1 - row : row
                let start = (storedY * picture.width + storedX) * 3
                pixels += picture.pixels[start..<start + 3]
            }
        }
        return Picture(width: width, height: height, pixels: pixels)
    }
}
