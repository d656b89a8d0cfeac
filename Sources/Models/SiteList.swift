/// Numbers sites as they are named.
package struct SiteList {
    package private(set) var sites: [Site] = []

    package init() {}

    /// - Parameter name: The module's path.
    package mutating func add(_ name: String, _ channels: Int, heads: Int = 1) -> Site {
        let site = Site(name: name, index: sites.count, channels: channels, heads: heads)
        sites.append(site)
        return site
    }

    /// The sites of a module that returns a tuple: `<name>:0`, `<name>:1` …
    /// - Parameter channels: Of each element.
    package mutating func add(_ name: String, tuple channels: [Int]) -> [Site] {
        channels.enumerated().map { add("\(name):\($0)", $1) }
    }
}
