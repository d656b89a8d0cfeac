/// What says of pictures what is in them, so that the effect of a map can be counted.
public protocol PictureJudge {
    /// What messages and reports call it.
    var name: String { get }

    /// A verdict for each of some PNG files, in their order.
    /// - Parameters:
    ///   - folder: Where they lie, beside nothing else.
    ///   - files: Their names in it.
    func verdicts(of files: [String], in folder: String, progress: ProgressHandler?) throws -> [PictureVerdict]
}
