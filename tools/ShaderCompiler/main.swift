// ShaderCompiler <folder of shaders> <Swift file to write> <cache folder>
//
// Compiles every variant of every shader of the folder into one Swift file. Messages have the form file:line: error: message.

import Foundation
import ShaderCompilation

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(1)
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let folder = arguments.first, let cache = arguments.last else {
    fail("usage: ShaderCompiler <folder of shaders> <Swift file to write> <cache folder>")
}
let output = URL(fileURLWithPath: arguments[arguments.startIndex + 1])

do {
    let cache = try ModuleCache(folder: URL(fileURLWithPath: cache))
    let (modules, warnings) = try ShaderFolder(path: folder).compile(cache: cache)
    for warning in warnings { print(warning) }
    try SwiftOutput.file(modules).write(to: output, atomically: true, encoding: .utf8)
} catch {
    fail("\(error)")
}
