import Foundation

/// A number of bytes as people give and read it: `512M`, `2G`, "1.5 GB". Units are powers of 1000, as disks and `ls --si` count.
public struct ByteCount: Hashable, Sendable, CustomStringConvertible {
    public var bytes: Int

    public init(_ bytes: Int) { self.bytes = bytes }

    /// Reads a number with an optional fraction and one of the units B, K, M, G, T (`KB`, `MB` … too) or, in powers of 1024, KiB, MiB,
    /// GiB, TiB; nil for anything else.
    public init?(_ text: String) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        var unit = text.dropFirst(number.count).trimmingCharacters(in: .whitespaces).lowercased()
        let base: Double = unit.hasSuffix("ib") ? 1024 : 1000
        if unit.hasSuffix("ib") { unit.removeLast(2) } else if unit.hasSuffix("b") { unit.removeLast() }
        guard let value = Double(number), let power = ["", "k", "m", "g", "t"].firstIndex(of: unit), base == 1000 || power > 0 else {
            return nil
        }
        let bytes = (value * pow(base, Double(power))).rounded()
        guard bytes >= 0, bytes < 0x1p62 else { return nil }
        self.bytes = Int(bytes)
    }

    public var description: String {
        let units = ["B", "KB", "MB", "GB", "TB"]
        var value = Double(bytes), power = 0
        while abs(value) >= 999.5 && power < units.count - 1 { (value, power) = (value / 1000, power + 1) }
        return String(format: power == 0 || value >= 99.5 ? "%.0f %@" : value >= 9.95 ? "%.1f %@" : "%.2f %@", value, units[power])
    }
}
