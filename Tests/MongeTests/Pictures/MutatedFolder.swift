import Foundation
import TestSupport
import Testing

/// A model's folder whose settings are changed at random, one or two at a time.
struct MutatedFolder {
    /// A folder that is usable as it is.
    let path: String
    /// Files of settings in it.
    let files: [String]
    /// What settings are changed to.
    let values: [Any]
    /// Settings that are not there, and may come.
    let added: [String]
    let seed: UInt64
    let count: Int

    /// How many of the changed folders are usable.
    func usable(_ isUsable: (_ path: String) -> Bool) throws -> Int {
        var random = SplitMix64(seed: seed)
        var usable = 0
        try withTemporaryFolder { temporary in
            let folder = temporary + "/model"
            try FileManager.default.copyItem(atPath: path, toPath: folder)
            let plain = try files.map { file in
                try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: "\(folder)/\(file)"))) as! [String: Any]
            }
            #expect(isUsable(folder))
            for _ in 0..<count {
                let index = Int.random(in: 0..<files.count, using: &random)
                var config = plain[index]
                for _ in 0..<Int.random(in: 1...2, using: &random) {
                    let key = (config.keys.sorted() + added).randomElement(using: &random)!
                    config[key] = Int.random(in: 0..<6, using: &random) == 0 ? nil : values.randomElement(using: &random)!
                }
                let file = URL(filePath: "\(folder)/\(files[index])")
                try JSONSerialization.data(withJSONObject: config).write(to: file)
                if isUsable(folder) { usable += 1 }
                try JSONSerialization.data(withJSONObject: plain[index]).write(to: file)
            }
        }
        return usable
    }
}
