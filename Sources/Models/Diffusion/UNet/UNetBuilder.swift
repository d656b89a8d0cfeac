import Tensors

/// Loads the blocks of a UNet in the order in which they run.
struct UNetBuilder {
    private let c: UNetConfiguration
    private let m: ModuleLoader
    private let segments: SegmentCache

    init(_ c: UNetConfiguration, _ m: ModuleLoader, _ segments: SegmentCache) {
        self.c = c
        self.m = m
        self.segments = segments
    }

    func downBlocks() throws -> [UNetDownBlock] {
        var inputs = c.levels[0].channels
        return try c.levels.enumerated().map { index, level in
            let block = m["down_blocks", index]
            let layers = try (0..<level.layers).map { layer in
                defer { inputs = level.channels }
                return try self.layer(
                    block, layer, inputs: inputs, level, attends: level.attendsOnWayDown, depth: level.downDepths[layer])
            }
            let downsampler =
                index == c.levels.count - 1
                ? nil : try block["downsamplers.0"]["conv"].convolution(level.channels, level.channels, kernel: 3)
            return UNetDownBlock(
                layers: layers, downsampler: downsampler,
                downsamplerSite: downsampler == nil ? nil : block["downsamplers.0"].site(level.channels),
                site: block.firstElementSite(level.channels))
        }
    }

    func midBlock() throws -> UNetMidBlock? {
        guard let last = c.levels.last, c.middle != .absent else { return nil }
        let block = m["mid_block"]
        let first = try layer(block, 0, inputs: last.channels, last, attends: c.middle == .attending, depth: c.middleDepth)
        // With a transformer in front of it.
        let second =
            c.middle == .attending ? [try layer(block, 1, inputs: last.channels, last, attends: false, depth: 0)] : []
        return UNetMidBlock(layers: [first] + second, site: block.site(last.channels))
    }

    func upBlocks() throws -> [UNetUpBlock] {
        let levels = Array(c.levels.reversed())
        // What the way down kept, last first.
        var skips = [c.levels[0].channels]
        for (index, level) in c.levels.enumerated() {
            skips += [Int](repeating: level.channels, count: level.layers)
            if index < c.levels.count - 1 { skips.append(level.channels) }
        }
        var hidden = levels[0].channels
        return try levels.enumerated().map { index, level in
            let block = m["up_blocks", index]
            let layers = try (0...level.layers).map { layer in
                defer { hidden = level.channels }
                return try self.layer(
                    block, layer, inputs: hidden + skips.removeLast(), level, attends: level.attendsOnWayUp,
                    depth: level.upDepths[layer])
            }
            let upsampler =
                index == levels.count - 1
                ? nil : try block["upsamplers.0"]["conv"].convolution(level.channels, level.channels, kernel: 3)
            return UNetUpBlock(
                layers: layers, upsampler: upsampler,
                upsamplerSite: upsampler == nil ? nil : block["upsamplers.0"].site(level.channels), site: block.site(level.channels))
        }
    }

    private func layer(
        _ block: ModuleLoader, _ index: Int, inputs: Int, _ level: UNetConfiguration.Level, attends: Bool, depth: Int
    ) throws -> UNetLayer {
        let resnet = try ResnetBlock(
            block["resnets", index], inputs: inputs, outputs: level.channels, timeChannels: c.timeChannels, groups: c.groups,
            epsilon: c.normEpsilon)
        let transformer =
            attends
            ? try SpatialTransformer(
                block["attentions", index], channels: level.channels, textChannels: level.textChannels, heads: level.heads, depth: depth,
                groups: c.groups, segments) : nil
        return UNetLayer(resnet: resnet, transformer: transformer)
    }
}
