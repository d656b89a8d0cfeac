import Foundation
import ModelFiles
import Monge
import TestSupport

/// Small model folders made of the settings' fixture weights and any configuration.
enum SettingsFolder {
    /// Calls `body` with a folder that holds this `config.json` and these tensors, and removes it afterwards.
    static func with<T>(config: String, tensors: [SafetensorsWriter.Entry], _ body: (String) throws -> T) throws -> T {
        try withTemporaryFolder { folder in
            try Data(config.utf8).write(to: URL(filePath: folder + "/config.json"))
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            return try body(folder)
        }
    }

    /// Tensors of the fixture.
    static func tensors(_ names: [String]) throws -> [SafetensorsWriter.Entry] {
        let weights = try TestModel.file("settings/weights.safetensors")
        return try names.map { try tensor($0, of: weights, as: $0) }
    }

    /// A tensor of the fixture under another name.
    static func tensor(_ name: String, of weights: SafetensorsFile, as other: String) throws -> SafetensorsWriter.Entry {
        let tensor = try weights.tensor(name)
        return SafetensorsWriter.Entry(name: other, shape: tensor.shape, dtype: tensor.dtype, bytes: Array(tensor.bytes))
    }

    /// The settings of one of the fixture's cases, and the names of its tensors.
    static func plain(_ name: String = "llama") throws -> (config: [String: Any], tensors: [String]) {
        let found = try SettingsParityTests.cases().folders.first { $0.name == name }!
        return (try JSONSerialization.jsonObject(with: Data(found.config.utf8)) as! [String: Any], found.tensors)
    }

    static func text(_ config: [String: Any]) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: config), as: UTF8.self)
    }
}
