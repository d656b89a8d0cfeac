import CPUBackend
import Foundation
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// The code of the article about the backend, as it stands there, on the device of the tests.
@Suite struct ArticleTests {
    private let pixels: [Float] = (0..<8 * 8 * 32).map { (index: Int) -> Float in Float(index * 37 % 101) / 101 - 0.5 }
    private let kernel: [Float] = (0..<64 * 9 * 32).map { (index: Int) -> Float in Float(index * 53 % 103) / 1030 - 0.05 }

    /// The device by its name, which is what a software device needs.
    private func article(_ request: VulkanSystem.Request) throws -> [Float] {
        let reports = try VulkanSystem.reports()
        // .best is the best graphics processor; a device that computes on the CPU is taken when it is named: .name("llvmpipe").
        let device = try Device(index: VulkanSystem.choose(request, from: reports))
        let backend = try VulkanBackend(device: device)

        // Channels last: [batch, height, width, channels] and [outputs, kernel height, kernel width, inputs].
        let x = try backend.upload(pixels, [1, 8, 8, 32], .f16)
        let weight = try backend.upload(kernel, [64, 3, 3, 32], .f16)
        let y = try backend.conv2d(x, weight: weight, padding: 1)

        // The pixels are the tokens of an attention: [batch, tokens, heads, channels].
        let tokens = try y.reshaped([1, 64, 1, 64])
        let z = try backend.attention(tokens, keys: tokens, values: tokens)
        let means = try backend.reduce(z, .mean, axis: 1)
        let result: [Float] = try backend.readFloats(means)
        return result
    }

    @Test func itsCodeRuns() throws {
        let result = try article(.name(TestBackend.report().name))
        let backend = try CPUBackend(threads: 2)
        let y = try backend.conv2d(
            backend.upload(pixels, [1, 8, 8, 32], .f16), weight: backend.upload(kernel, [64, 3, 3, 32], .f16), padding: 1)
        let tokens = try y.reshaped([1, 64, 1, 64])
        let expected = try backend.readFloats(
            backend.reduce(backend.attention(tokens, keys: tokens, values: tokens), .mean, axis: 1))
        // Three results in f16, each up to 3·2⁻¹¹ of numbers below 1 away.
        #expect(result.count == 64 && zip(result, expected).allSatisfy { abs($0 - $1) < 9 * 0x1p-11 })
        #expect(result.contains { $0 != 0 })
    }

    /// Every line of the article's first block of code stands above, in its order.
    @Test func itsCodeIsWhatRuns() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let article = try String(
            contentsOf: folder.appending(path: "Sources/VulkanBackend/VulkanBackend.docc/VulkanBackend.md"), encoding: .utf8)
        func lines(_ text: some StringProtocol) -> [String] {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        let code = lines(
            try #require(article.components(separatedBy: "```swift\n").dropFirst().first?.components(separatedBy: "```").first))
        #expect(code.count > 12)
        var own = lines(try String(contentsOf: URL(filePath: #filePath), encoding: .utf8))[...]
        for line in code {
            guard let place = own.firstIndex(of: line) else {
                Issue.record("the article has a line that is not tested: \(line)")
                return
            }
            own = own[(place + 1)...]
        }
    }
}
