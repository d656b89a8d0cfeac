import Foundation
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
            throw MongeError.failed("\(url.path) is no result of `monge bench kernels --json`")
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
