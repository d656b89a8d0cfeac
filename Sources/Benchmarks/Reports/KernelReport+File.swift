import Foundation
import ModelFiles
import Monge

extension KernelReport {
    /// Reads a file that ``json()`` wrote.
    /// - Throws: ``MongeError/failed(_:)`` when it is no such file.
    public init(contentsOf url: URL) throws {
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw MongeError.failed("\(url.path) cannot be read: \(error.localizedDescription)")
        }
        do {
            self = try JSONDecoder().decode(KernelReport.self, from: data)
        } catch {
            throw (try? FileKind(path: url.path)).flatMap { kind in
                kind == .kernelReport ? nil : ModelFileError.otherKind(file: url.path, found: kind, expected: .kernelReport)
            } ?? MongeError.failed("\(url.path) is no sound result of `monge bench kernels`")
        }
        guard format == Self.currentFormat else {
            throw MongeError.failed("\(url.path) has format \(format), and this version of Monge reads format \(Self.currentFormat)")
        }
    }

    /// The report as one JSON document with sorted keys.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}
