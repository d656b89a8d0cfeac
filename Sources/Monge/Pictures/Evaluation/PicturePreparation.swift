import ModelFiles
import Models
import Pictures

/// What is done to pictures before a classifier sees them: `preprocessor_config.json`, as `ViTImageProcessor` and `ConvNextImageProcessor` of transformers
/// read it. Every setting is obeyed or refused by name.
struct PicturePreparation {
    private enum Size {
        /// Whatever the sides were.
        case exactly(width: Int, height: Int)
        /// The shorter side first brought to `shorter`, and a square of `side` cut out of the middle.
        case middle(side: Int, shorter: Int)
    }

    private let size: Size?
    private let resampling: Picture.Resampling
    private let factor: Float
    private let mean, deviation: [Float]

    init(_ settings: JSONDocument) throws {
        func refused(_ key: String, _ value: String, _ why: String) -> ModelError {
            .unsupportedSetting(key: key, value: value, meaning: why)
        }
        let kinds = ["ViTImageProcessor", "ViTFeatureExtractor", "ConvNextImageProcessor", "ConvNextFeatureExtractor"]
        let kind = try settings.string(ifPresent: "image_processor_type") ?? settings.string(ifPresent: "feature_extractor_type")
        guard let kind, let name = kinds.first(where: { kind == $0 || kind == $0 + "Fast" }) else {
            throw refused("image_processor_type", "'\(kind ?? "absent")'", "Monge prepares pictures as \(kinds[0]) and \(kinds[2]) do")
        }
        let known: Set<String> = [
            "image_processor_type", "feature_extractor_type", "do_resize", "size", "resample", "do_rescale", "rescale_factor",
            "do_normalize",
            "image_mean", "image_std", "do_convert_rgb", "crop_pct", "processor_class", "_valid_processor_keys",
        ]
        if let other = settings.root.members.first(where: { !$0.value.isNull && !known.contains($0.key) }) {
            throw refused(other.key, other.value.string ?? other.value.typeDescription, "no part of what Monge does to pictures")
        }
        let number = try settings.integer(ifPresent: "resample") ?? 2
        guard let resampling = Picture.Resampling(rawValue: number) else {
            throw refused("resample", "\(number)", "Monge knows 2 (bilinear) and 3 (bicubic)")
        }
        self.resampling = resampling
        size = try settings.bool(ifPresent: "do_resize") ?? true ? Self.size(settings, isSquare: name.hasPrefix("ConvNext")) : nil
        factor = try settings.bool(ifPresent: "do_rescale") ?? true ? settings.float(ifPresent: "rescale_factor") ?? 1 / 255 : 1
        let isNormalised = try settings.bool(ifPresent: "do_normalize") ?? true
        func channels(_ key: String, _ neutral: Float) throws -> [Float] {
            guard isNormalised else { return [neutral, neutral, neutral] }
            let values = try settings.floats(key)
            guard values.count == 3, values.allSatisfy(\.isFinite), key == "image_mean" || !values.contains(0) else {
                throw ModelError.invalidConfiguration("\(key) is no number for each of three channels")
            }
            return values
        }
        mean = try channels("image_mean", 0)
        deviation = try channels("image_std", 1)
    }

    private static func size(_ settings: JSONDocument, isSquare: Bool) throws -> Size {
        func side(_ key: String) throws -> Int? {
            guard let side = try settings.integer(ifPresent: key) else { return nil }
            guard (1...4096).contains(side) else { throw ModelError.invalidConfiguration("\(key) is \(side), expected 1 … 4096") }
            return side
        }
        let plain = settings.value("size")?.object == nil ? try side("size") : nil
        guard isSquare else {
            guard let width = try plain ?? side("size.width"), let height = try plain ?? side("size.height") else {
                throw ModelError.invalidConfiguration("size has no width and height")
            }
            return .exactly(width: width, height: height)
        }
        guard let side = try plain ?? side("size.shortest_edge") else { throw ModelError.invalidConfiguration("size has no shortest_edge") }
        let share = try settings.float(ifPresent: "crop_pct") ?? 224 / 256
        guard share > 0.01, share <= 1 else {
            throw ModelError.invalidConfiguration("crop_pct is \(share), expected a number above 0.01 and up to 1")
        }
        return side < 384 ? .middle(side: side, shorter: Int(Double(side) / Double(share))) : .exactly(width: side, height: side)
    }

    /// `[height, width, 3]`, and the extents.
    /// - Throws: ``MongeError`` for a picture that is so long and narrow that it would outgrow memory.
    func callAsFunction(_ picture: Picture) throws -> (values: [Float], width: Int, height: Int) {
        let sized =
            switch size {
            case nil: picture
            case .exactly(let width, let height): picture.resampled(width: width, height: height, resampling)
            case .middle(let side, let shorter): try Self.middle(of: picture, side: side, shorter: shorter, resampling)
            }
        let values = sized.pixels.enumerated().map { (Float($1) * factor - mean[$0 % 3]) / deviation[$0 % 3] }
        return (values, sized.width, sized.height)
    }

    private static func middle(of picture: Picture, side: Int, shorter: Int, _ resampling: Picture.Resampling) throws -> Picture {
        let (short, long) = (min(picture.width, picture.height), max(picture.width, picture.height))
        let longer = shorter * long / short
        guard longer <= 1 << 16 else {
            throw MongeError.failed(
                "a picture of \(picture.width) × \(picture.height) pixels is too narrow to be judged: its longer side would become \(longer)"
            )
        }
        let isUpright = picture.height >= picture.width
        return picture.resampled(width: isUpright ? shorter : longer, height: isUpright ? longer : shorter, resampling)
            .centre(width: side, height: side)
    }
}
