import Foundation
import PackagePlugin

/// Puts the files of a target's folders `Studio` and `Resources` into its module, as `ServerFiles.swift`: a program in one file has its page with it.
@main struct EmbedFiles: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let folders = ["Studio", "Resources"].map { target.directoryURL.appendingPathComponent($0) }
        let output = context.pluginWorkDirectoryURL.appendingPathComponent("ServerFiles.swift")
        let files = folders.flatMap { (try? FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil)) ?? [] }
        return [
            .buildCommand(
                displayName: "Embedding files of \(target.name)", executable: try context.tool(named: "FileEmbedder").url,
                arguments: [output.path] + files.map(\.path).sorted(),
                // The folders' change tells of files that come and go.
                inputFiles: folders + files.sorted { $0.path < $1.path }, outputFiles: [output])
        ]
    }
}
