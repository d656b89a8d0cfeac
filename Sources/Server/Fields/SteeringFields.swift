import Monge
import Transport

/// A map that a request names, and how it acts.
struct NamedSteer: Sendable {
    var map: String
    var strength: Float
    /// A regular expression for the map's sites; nil for all.
    var sites: String?
    var schedule = SteeringSchedule.always
    /// Of pictures: where in the schedule the map acts, and on which predictions.
    var range: Range<Float> = 0..<1
    var half = PictureSteer.Half.both

    /// The strengths that are taken: far beyond any use, and far from what overflows.
    static let strengths: ClosedRange<Float> = -1000...1000

    private static let longest = 1 << 20

    private enum Course: String, CaseIterable { case constant, ramp, decay }

    /// `steering` of a body about texts.
    static func ofTexts(_ body: RequestFields) throws -> [NamedSteer] {
        try (body.list("steering", atMost: 16) ?? []).map { fields in
            var steer = try common(fields)
            let scope = try fields.choice("scope", SteeringSchedule.Scope.self) ?? .all
            let course = try fields.fields("schedule").map { schedule in
                let type = try schedule.required("type", schedule.choice("type", Course.self))
                let tokens = try schedule.integer("tokens", in: 1...longest)
                try schedule.finish()
                switch type {
                case .constant: return SteeringSchedule.Course.constant
                case .ramp: return .ramp(tokens: try schedule.required("tokens", tokens))
                case .decay: return .decay(halfLife: try schedule.required("tokens", tokens))
                }
            }
            steer.schedule = SteeringSchedule(
                scope: scope, tokens: try tokens(fields), course: course ?? .constant, marker: try fields.string("after", atMost: 1024))
            if steer.schedule.marker == "" { throw ServerError.field(fields.name("after"), "'\(fields.name("after"))' is an empty text") }
            if steer.schedule.marker != nil, scope == .prompt {
                throw ServerError.field(
                    fields.name("after"),
                    "'\(fields.name("after"))' is of generated tokens, and the scope is the prompt: leave one of them out")
            }
            try fields.finish()
            return steer
        }
    }

    /// `steering` of a body about pictures.
    static func ofPictures(_ body: RequestFields) throws -> [NamedSteer] {
        try (body.list("steering", atMost: 16) ?? []).map { fields in
            var steer = try common(fields)
            if let range = try fields.numbers("range", in: 0...1, atMost: 2) {
                guard range.count == 2, range[0] < range[1] else {
                    throw ServerError.field(
                        fields.name("range"), "'\(fields.name("range"))' is not two numbers of which the second is larger")
                }
                steer.range = range[0]..<range[1]
            }
            steer.half = try fields.choice("half", PictureSteer.Half.self) ?? .both
            try fields.finish()
            return steer
        }
    }

    private static func common(_ fields: RequestFields) throws -> NamedSteer {
        NamedSteer(
            map: try fields.required("map", fields.string("map", atMost: 256)), strength: try fields.number("strength", in: strengths) ?? 1,
            sites: try fields.string("sites", atMost: 1024))
    }

    private static func tokens(_ fields: RequestFields) throws -> Range<Int>? {
        guard let value = fields.value("tokens") else { return nil }
        guard let ends = value.integers, ends.count == 2, 0 <= ends[0], ends[0] < ends[1], ends[1] <= longest else {
            throw ServerError.field(
                fields.name("tokens"), "'\(fields.name("tokens"))' is not [first, end] with 0 ≤ first < end ≤ \(longest)")
        }
        return ends[0]..<ends[1]
    }
}
