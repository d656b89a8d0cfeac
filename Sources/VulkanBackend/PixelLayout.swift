import Tensors
import VulkanRuntime

/// How the pixels of images are dealt out to the work-groups of kernels that go over pixels of the same channels.
struct PixelLayout {
    let images, pixels, channels: Int
    /// The channels of an invocation: four, loaded at once, or one.
    let width: Int
    /// Invocations over channels along x; along y, those that share a stretch of pixels.
    let groupSize: (Int, Int)
    /// The pixels of a stretch; the last of an image may have fewer.
    let stretch: Int
    let stretches: Int

    /// The work-groups: one for each stretch and each x-full of channels.
    var groups: Int { images * stretches * ((channels / width + groupSize.0 - 1) / groupSize.0) }
}

extension VulkanBackend {
    /// Work-groups that keep a graphics processor busy while others wait for memory, and those for two cores of a processor.
    private static let enoughGroups = (tiles: 1024, lanes: 8)
    /// Pixels that an invocation reads before it needs them (MOMENTS_BLOCK in Shaders/norm).
    static let momentsBlock = 8

    /// - Parameter places: Where activations lie whose elements are loaded together, with their types.
    func pixelLayout(of x: Tensor, _ places: [(DevicePlace, DType)]) -> PixelLayout {
        let (images, pixels, channels) = (x.shape.images, x.shape.rows / x.shape.images, x.shape.channels)
        let width = loadsFour(channels, places) ? 4 : 1
        let units = channels / width
        let groupSize: (Int, Int)
        switch family {
        case .lanes: groupSize = (subgroupSize, 1)
        case .tiles:
            // The width that leaves fewer invocations without channels; both read whole sectors.
            let left = [32, 16].map { (units + $0 - 1) / $0 * $0 }
            groupSize = left[1] < left[0] ? (16, 16) : (32, 8)
        }
        let wanted = family == .lanes ? Self.enoughGroups.lanes : Self.enoughGroups.tiles
        let columns = (isBatchInvariant ? 1 : images) * ((units + groupSize.0 - 1) / groupSize.0)
        let most = max(1, pixels / (Self.momentsBlock * groupSize.1))
        // As many loop iterations as a software device has, where an invocation takes a pixel in each.
        let least = (pixels + Self.mostIterations * groupSize.1 - 1) / (Self.mostIterations * groupSize.1)
        let stretches = max(min(wanted / columns, most), least, 1)
        let stretch = (pixels + stretches - 1) / stretches
        return PixelLayout(
            images: images, pixels: pixels, channels: channels, width: width, groupSize: groupSize, stretch: stretch,
            stretches: (pixels + stretch - 1) / stretch)
    }

    /// Whether rows are whole fours of elements that begin where four of them can be loaded at once.
    func loadsFour(_ channels: Int, _ places: [(place: DevicePlace, dtype: DType)]) -> Bool {
        channels % 4 == 0 && places.allSatisfy { $0.place.isAligned(to: 4 * $0.dtype.blockBytes) }
    }

    /// Mean, and sum of squares about it, of each channel over each stretch: `[images, stretches, channels, 2]` f32.
    func channelMoments(_ x: Tensor, _ layout: PixelLayout, _ operation: String) throws -> DevicePlace {
        let place = try place(of: x, operation)
        _ = try count(x, operation)
        let moments = try scratch(Int(try count(layout.images * layout.stretches * layout.channels, operation)) * 8, operation)
        var arguments = KernelArguments()
        arguments.buffer(place, .read)
        arguments.buffer(moments, .write)
        arguments.append(layout)
        let perInvocation = layout.stretch / (Self.momentsBlock * layout.groupSize.1) + layout.groupSize.1 + 1
        let launch = try launch(groups: layout.groups, of: layout.groupSize, iterations: perInvocation, operation)
        try run("norm/channelMoments-\(layout.width)", activations: x.dtype, launch, arguments, operation)
        return moments
    }
}

extension KernelArguments {
    /// The numbers that the kernels over pixels begin with.
    mutating func append(_ layout: PixelLayout) {
        for number in [layout.pixels, layout.channels, layout.stretch, layout.stretches, layout.images] {
            self.number(UInt32(number))
        }
    }
}
