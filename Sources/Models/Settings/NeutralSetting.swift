import ModelFiles

/// A setting that Monge does not compute with, and the values at which that makes no difference.
struct NeutralSetting: Sendable {
    let key: String
    /// What the setting does, for the message.
    let meaning: String
    let isNeutral: @Sendable (any FileValue) -> Bool

    /// A setting that must not be there at all.
    static func absent(_ key: String, _ meaning: String) -> NeutralSetting {
        NeutralSetting(key: key, meaning: meaning) { _ in false }
    }

    /// A switch that must be in one position.
    static func bool(_ key: String, _ neutral: Bool, _ meaning: String) -> NeutralSetting {
        NeutralSetting(key: key, meaning: meaning) { $0.bool == neutral }
    }

    /// A number, integer or not, that must have one of some values.
    static func number(_ key: String, _ neutral: Float..., meaning: String) -> NeutralSetting {
        NeutralSetting(key: key, meaning: meaning) { value in
            neutral.contains { value.float == $0 || value.integer.map(Float.init) == $0 }
        }
    }

    /// A text that must be one of some.
    static func string(_ key: String, _ neutral: String..., meaning: String) -> NeutralSetting {
        NeutralSetting(key: key, meaning: meaning) { value in value.string.map(neutral.contains) ?? false }
    }

    /// A list that must be empty.
    static func empty(_ key: String, _ meaning: String) -> NeutralSetting {
        NeutralSetting(key: key, meaning: meaning) { value in
            value.strings?.isEmpty == true || (value as? JSONValue)?.object?.members.isEmpty == true
        }
    }
}
