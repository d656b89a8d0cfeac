import Foundation
import ModelFiles

/// What a file is that is neither a model nor a map.
public struct OtherFileSummary: Sendable, Codable, Equatable {
    /// With its article: "a PNG picture".
    public var kind: String
    /// Which option or command takes it, or what to do with it.
    public var use: String?
    public var bytes: Int
    /// Of a text.
    public var lines: Int?

    public init(_ file: MappedFile) {
        let kind = FileKind(file)
        self.kind = kind.name
        use = kind.use
        bytes = file.count
        lines = kind.isText ? withExtendedLifetime(file) { OtherFileSummary.lineCount(file.bytes) } : nil
    }

    /// The last line need not end.
    private static func lineCount(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.count { $0 == UInt8(ascii: "\n") } + (bytes.last.map { $0 == UInt8(ascii: "\n") ? 0 : 1 } ?? 0)
    }
}
