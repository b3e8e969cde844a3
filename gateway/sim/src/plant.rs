//! Planted faults: what a simulation must find. They sit in the simulator's own seams between the
//! parts of the product, never in the product.

/// One thing done wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plant {
    /// What is recorded goes outward before it is durable.
    OutwardBeforeAppend,
    /// An event leaves the outbox when it is sent.
    OutboxDeletesOnSend,
    /// A start forgets who is inside.
    ForgetsInside,
    /// The dispatcher lets moves go whose window has passed.
    ReleasesLateMoves,
    /// A loop that fell silent is told as if it had just been read, and the last look is left out.
    ClosesOnStaleLoop,
    /// A message that the broker kept counts as live.
    RetainedIsLive,
    /// A decision is recorded twice.
    DecidesTwice,
    /// The wall clock drives the timers.
    WallClockDrivesTimers,
    /// A start forgets how often passes were used.
    FoldLosesPassUse,
    /// A plate that resembles a listed one is taken for it.
    LookalikeAdmits,
    /// Moves that a crash left behind are made after the start.
    RestartMovesArms,
    /// A passage that is under way is not ended at a start.
    StartLeavesPassagesOpen,
}

impl Plant {
    pub const ALL: [Plant; 12] = [
        Plant::OutwardBeforeAppend,
        Plant::OutboxDeletesOnSend,
        Plant::ForgetsInside,
        Plant::ReleasesLateMoves,
        Plant::ClosesOnStaleLoop,
        Plant::RetainedIsLive,
        Plant::DecidesTwice,
        Plant::WallClockDrivesTimers,
        Plant::FoldLosesPassUse,
        Plant::LookalikeAdmits,
        Plant::RestartMovesArms,
        Plant::StartLeavesPassagesOpen,
    ];
}
