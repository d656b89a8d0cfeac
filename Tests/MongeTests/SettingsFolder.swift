import Foundation
import ModelFiles
import Monge

/// Small model folders made of the settings' fixture weights and any configuration.
enum SettingsFolder {
    /// Calls `body` with a folder that holds this `config.json` and these of the fixture's tensors, and removes it afterwards.
    static func with<T>(config: String, tensors: [String], _ body: (String) throws -> T) throws -> T {
        let folder = FileManager.default.temporaryDirectory.appending(path: "monge-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(config.utf8).write(to: folder.appending(path: "config.json"))
        try safetensors(tensors).write(to: folder.appending(path: "model.safetensors"))
        return try body(folder.path)
    }

    /// A safetensors file with these of the fixture's tensors, as the format lays them out.
    static func safetensors(_ names: [String]) throws -> Data {
        let weights = try TestModel.file("settings/weights.safetensors")
        var header: [String: Any] = [:]
        var bytes = Data()
        for name in names {
            let tensor = try weights.tensor(name)
            header[name] = [
                "dtype": "F16", "shape": tensor.shape.dimensions, "data_offsets": [bytes.count, bytes.count + tensor.bytes.count],
            ]
            bytes.append(contentsOf: tensor.bytes)
        }
        let text = try JSONSerialization.data(withJSONObject: header)
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + bytes
    }
}
