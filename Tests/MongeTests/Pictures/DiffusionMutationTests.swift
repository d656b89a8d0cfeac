import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// Settings of text-to-image models that are changed at random: a model is loaded and draws, or is refused with an error; nothing traps.
@Suite(.serialized) struct DiffusionMutationTests {
    private static let files = [
        "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json", "model_index.json",
    ]

    private static var values: [Any] {
        [
            -1, 0, 1, 2, 3, 7, 8, 16, 4097, 1 << 31, 1 << 32, Int.max, Int.min, 1e308, -1e308, 1e-308, 0.5, 1e10, 1e-5, "", "x", true,
            false,
            NSNull(), [Any](), [1, -1], [8, 16], [16, 8, 8], [4, 8], [[1], 2], [[1, 2], [1]], [2, 2], [String: Any](), "text", "text_time",
            "gelu", "trailing", "linspace", "v_prediction", "sample", ["DownBlock2D", "DownBlock2D"], ["UpBlock2D", "CrossAttnUpBlock2D"],
            [[Any]](), ["diffusers", NSNull()], ["x", "AutoencoderTiny"], [NSNull(), NSNull()],
        ]
    }

    private static let added = [
        "transformer_layers_per_block", "reverse_transformer_layers_per_block", "time_cond_proj_dim", "sample_size", "trained_betas",
        "force_zeros_for_empty_prompt", "requires_aesthetics_score", "use_karras_sigmas", "clip_sample", "eos_token_id", "model_type",
    ]

    private func draws(_ path: String) -> Bool {
        do {
            let model = try PictureModel.load(URL(filePath: path), on: CPUBackend())
            let side = 2 * model.diffusion.sizeStep
            let options = PictureOptions(steps: 1, guidance: 2, size: PictureSize(width: side, height: side))
            let picture = try model.draw([PictureRequest("a cat")], options: options)[0].picture
            #expect(picture.width == side)
            return true
        } catch {
            #expect(!"\(error)".isEmpty)
            return false
        }
    }

    @Test(.timeLimit(.minutes(60)), arguments: DiffusionFixture.names)
    func foldersAreDrawnOrRefused(name: String) throws {
        let count = 400
        let drawn = try MutatedFolder(
            path: DiffusionFixture.path(name), files: Self.files, values: Self.values, added: Self.added, seed: 21, count: count
        ).usable(draws)
        // Both outcomes are met often enough to mean something.
        #expect((count / 20..<count * 19 / 20).contains(drawn), "\(drawn) of \(count) were drawn")
    }
}
