import Foundation
import PackagePlugin

/// Compiles the shaders of a target into its module, as `CompiledShaders.swift`. The shaders are those in the folder `Shaders` of the
/// target, or of the package when the target has none.
@main struct CompileShaders: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let candidates = [target.directoryURL, context.package.directoryURL].map { $0.appendingPathComponent("Shaders") }
        guard let folder = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            Diagnostics.error("there is no folder Shaders in \(target.directoryURL.path) or \(context.package.directoryURL.path)")
            return []
        }
        let output = context.pluginWorkDirectoryURL.appendingPathComponent("CompiledShaders.swift")
        let cache = context.pluginWorkDirectoryURL.appendingPathComponent("cache")
        return [
            .buildCommand(
                displayName: "Compiling shaders of \(target.name)",
                executable: try context.tool(named: "ShaderCompiler").url,
                arguments: [folder.path, output.path, cache.path],
                inputFiles: contents(folder),
                outputFiles: [output])
        ]
    }

    /// The shaders, what they include and what is compiled ahead, and the folders they are in, whose change tells of files that come
    /// and go.
    private func contents(_ folder: URL) -> [URL] {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
        let inside = (files?.compactMap { $0 as? URL } ?? []).filter {
            ["comp", "glsl", "spv", "txt"].contains($0.pathExtension) || $0.hasDirectoryPath
        }
        return ([folder] + inside).sorted { $0.path < $1.path }
    }
}
