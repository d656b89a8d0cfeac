import ModelFiles

/// The schedulers, by the names of their classes in diffusers and by those people know them by.
package enum SchedulerRegistry {
    private typealias Load = @Sendable (SettingsReader) throws -> any Scheduler

    private static let classes: [String: Load] = [
        DDIMScheduler.className: { try DDIMScheduler($0) }, EulerScheduler.className: { try EulerScheduler($0) },
        EulerAncestralScheduler.className: { try EulerAncestralScheduler($0) },
        DPMSolverScheduler.className: { try DPMSolverScheduler($0) }, LCMScheduler.className: { try LCMScheduler($0) },
        FlowMatchEulerScheduler.className: { try FlowMatchEulerScheduler($0) }, PNDMScheduler.className: { try PNDMScheduler($0) },
    ]

    /// A class, and settings that the name stands for.
    private static let names: [String: (className: String, settings: [String: JSONValue])] = [
        "ddim": (DDIMScheduler.className, [:]),
        "euler": (EulerScheduler.className, ["use_karras_sigmas": .bool(false)]),
        "euler-karras": (EulerScheduler.className, ["use_karras_sigmas": .bool(true)]),
        "euler-ancestral": (EulerAncestralScheduler.className, [:]),
        "dpm++2m": (DPMSolverScheduler.className, dpmSolver(karras: false, stochastic: false)),
        "dpm++2m-karras": (DPMSolverScheduler.className, dpmSolver(karras: true, stochastic: false)),
        "dpm++2m-sde": (DPMSolverScheduler.className, dpmSolver(karras: false, stochastic: true)),
        "dpm++2m-sde-karras": (DPMSolverScheduler.className, dpmSolver(karras: true, stochastic: true)),
        "lcm": (LCMScheduler.className, [:]),
        "flow-euler": (FlowMatchEulerScheduler.className, [:]),
        "pndm": (PNDMScheduler.className, ["skip_prk_steps": .bool(true)]),
    ]

    private static func dpmSolver(karras: Bool, stochastic: Bool) -> [String: JSONValue] {
        [
            "use_karras_sigmas": .bool(karras), "solver_order": .integer(2), "use_exponential_sigmas": .bool(false),
            "algorithm_type": .string(stochastic ? "sde-dpmsolver++" : "dpmsolver++"),
        ]
    }

    /// The names that ``load(_:named:setting:)`` knows, in order.
    package static var knownNames: [String] { names.keys.sorted() }

    /// The scheduler of a `scheduler_config.json`.
    /// - Parameters:
    ///   - name: Another scheduler than the file's, by a name people know or by its class in diffusers; the file's settings are kept as far as
    ///     that scheduler has them.
    ///   - overrides: Settings in place of the file's, for example `timestep_spacing`.
    /// - Throws: ``ModelError`` for a scheduler that is not known and for settings that are not obeyed.
    package static func load(
        _ document: JSONDocument, named name: String? = nil, setting overrides: [String: JSONValue] = [:]
    ) throws -> any Scheduler {
        let (chosen, implied) = try name.map(choice) ?? (document.string("_class_name"), [:])
        guard let load = classes[chosen] else { throw unknown(chosen) }
        let flow = FlowMatchEulerScheduler.className
        if let own = try document.string(ifPresent: "_class_name"), (own == flow) != (chosen == flow) {
            throw ModelError.unsupported(
                "the model is made for \(own == flow ? "flow matching" : "training steps of noise") (\(own)); "
                    + "the scheduler \(name ?? chosen) would not give pictures")
        }
        let settings = SettingsReader(document.replacing(implied.merging(overrides) { $1 }))
        let scheduler = try load(settings)
        settings.ignoreOtherSchedulers()
        try settings.finish()
        return scheduler
    }

    /// - Throws: What ``load(_:named:setting:)`` throws for a name that is not known.
    package static func check(_ name: String) throws { _ = try choice(name) }

    private static func choice(_ name: String) throws -> (className: String, settings: [String: JSONValue]) {
        if let known = names[name.lowercased()] { return known }
        guard classes[name] != nil else { throw unknown(name) }
        return (name, [:])
    }

    private static func unknown(_ name: String) -> ModelError {
        .unsupported("the scheduler '\(name)' is not known; Monge has \(knownNames.joined(separator: ", ")) (--scheduler)")
    }
}
