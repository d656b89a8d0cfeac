// ShaderCompiler <folder of shaders> <Swift file to write> <cache folder>
//
// Compiles every variant of every shader of the folder into one Swift file. Messages have the form file:line: error: message.
//
// ShaderCompiler --prebuilt-sources <folder of shaders> <folder to write>
//
// Writes the GLSL text of each variant that is compiled ahead, and their hashes, for tools/prebuild-shaders.

import Foundation
import ShaderCompilation

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(1)
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3 else {
    fail(
        "usage: ShaderCompiler <folder of shaders> <Swift file to write> <cache folder>\n"
            + "       ShaderCompiler --prebuilt-sources <folder of shaders> <folder to write>")
}

do {
    if arguments[0] == "--prebuilt-sources" {
        try ShaderFolder(path: arguments[1]).writePrebuiltSources(to: URL(fileURLWithPath: arguments[2]))
        exit(0)
    }
    let folder = ShaderFolder(path: arguments[0])
    let cache = try ModuleCache(folder: URL(fileURLWithPath: arguments[2]))
    let (modules, warnings) = try folder.compile(cache: cache)
    for warning in warnings { print(warning) }
    let (prebuilt, stale) = try folder.prebuiltModules()
    if !stale.isEmpty {
        print("note: left out, since their sources have changed: \(stale.joined(separator: ", ")); run tools/prebuild-shaders")
    }
    try SwiftOutput.file(modules + prebuilt).write(to: URL(fileURLWithPath: arguments[1]), atomically: true, encoding: .utf8)
} catch {
    fail("\(error)")
}
