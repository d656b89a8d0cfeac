/// The model that a benchmark's sizes come from.
public enum ModelClass: String, Sendable, CaseIterable, Codable, CustomStringConvertible {
    /// SmolLM2-135M, a small language model.
    case language135M = "135M"
    /// Llama 3 8B, a language model that fills a GPU.
    case language8B = "8B"
    /// Stable Diffusion 1.5 at 512 × 512: latents of 64 × 64.
    case stableDiffusion15 = "SD 1.5"
    /// Stable Diffusion XL at 1024 × 1024: latents of 128 × 128.
    case stableDiffusionXL = "SDXL"
    /// FLUX.1 at 1024 × 1024: 4096 image tokens beside 512 of the prompt.
    case flux = "FLUX"

    public var description: String { rawValue }
}

/// The sizes of a decoder of language models.
struct DecoderSizes {
    let model: ModelClass
    let channels, feedForward, heads, keyHeads, headChannels, vocabulary: Int

    static let small = DecoderSizes(
        model: .language135M, channels: 576, feedForward: 1536, heads: 9, keyHeads: 3, headChannels: 64, vocabulary: 49_152)
    static let large = DecoderSizes(
        model: .language8B, channels: 4096, feedForward: 14_336, heads: 32, keyHeads: 8, headChannels: 128, vocabulary: 128_256)

    static let all = [small, large]
}
