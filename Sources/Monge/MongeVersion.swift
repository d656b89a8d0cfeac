/// The version of this library, in files that say what wrote them.
public enum MongeVersion {
    public static let current = "0.2.0"
}
