import Tensors

extension VulkanBackend {
    /// Three kernels: moments of each channel over stretches of pixels, the affine map of each channel from them, and the pass that
    /// applies it. x is read twice, the second time from the device's cache where it holds an image.
    public func groupNorm(_ operation: GroupNormOperation) throws {
        let name = "groupNorm"
        let x = try place(of: operation.x, name)
        let output = try place(of: operation.output, name)
        let residual = try operation.residual.map { try place(of: $0, name) }
        let activations = [operation.x, operation.output] + (operation.residual.map { [$0] } ?? [])
        let layout = try pixelLayout(of: operation.x, activations.map { (try place(of: $0, name), $0.dtype) })
        let moments = try channelMoments(operation.x, layout, name)
        let scales = try groupScales(operation, moments, layout, name)

        let map = operation.transport.flatMap { $0.spatial == .pointwise ? $0 : nil }
        let transport = try transportArguments(map, on: operation.x.shape, unused: x, name)
        var arguments = KernelArguments()
        arguments.buffer(x, .read)
        arguments.buffer(scales, .read)
        arguments.buffer(residual ?? x, .read)
        arguments.buffer(output, .write)
        arguments.append(transport)
        arguments.append(layout)
        arguments.number(operation.activation.kernelNumber)
        arguments.number((residual == nil ? 0 : 1) | (operation.mapsFirst ? 2 : 0))
        arguments.appendNumbers(transport)
        let perInvocation = layout.stretch / layout.groupSize.1 + 1
        let launch = try launch(groups: layout.groups, of: layout.groupSize, iterations: perInvocation, name)
        let types = ActivationTypes(operation.x.dtype, to: operation.output.dtype, operation.residual?.dtype)
        try run("norm/groupApply-\(layout.width)", types: types, launch, arguments, name)
    }

    /// Mean, scale, offset and shift of each channel: `[images, channels, 4]` f32.
    private func groupScales(
        _ operation: GroupNormOperation, _ moments: DevicePlace, _ layout: PixelLayout, _ name: String
    ) throws -> DevicePlace {
        let scales = try scratch(layout.images * layout.channels * 16, name)
        let map = operation.transport.flatMap { $0.spatial == .channelMean ? $0 : nil }
        let transport = try transportArguments(map, on: operation.x.shape, unused: moments, name)
        var arguments = KernelArguments()
        arguments.buffer(moments, .read)
        arguments.buffer(try operation.gain.map { try place(of: $0, name) } ?? moments, .read)
        arguments.buffer(try operation.bias.map { try place(of: $0, name) } ?? moments, .read)
        arguments.buffer(scales, .readWrite)
        arguments.append(transport)
        arguments.append(layout)
        arguments.number(UInt32(operation.groups))
        arguments.real(operation.epsilon)
        arguments.number((operation.gain == nil ? 0 : 1) | (operation.bias == nil ? 0 : 2))
        arguments.appendNumbers(transport)
        let groupSize = family == .lanes ? subgroupSize : 256
        let width = min(operation.groupChannels, groupSize)
        let height = groupSize / width
        let rounds = (operation.groupChannels + width - 1) / width
        let launch = try launch(
            groups: layout.images * operation.groups, of: (groupSize, 1),
            iterations: rounds * (layout.stretches / height + height + width + 3), name)
        try run("norm/groupScales", launch, arguments, name)
        return scales
    }
}
