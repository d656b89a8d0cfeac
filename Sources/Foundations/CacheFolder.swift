import Foundation

/// Where what can be made or fetched again is kept between runs.
public enum CacheFolder {
    /// `$XDG_CACHE_HOME/monge`, or `~/.cache/monge`. A relative path in the variable is not valid and is ignored (XDG Base Directory
    /// Specification).
    public static var url: URL {
        let cache = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"].flatMap {
            $0.hasPrefix("/") ? URL(fileURLWithPath: $0, isDirectory: true) : nil
        }
        let home = FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache", isDirectory: true)
        return (cache ?? home).appendingPathComponent("monge", isDirectory: true)
    }
}
