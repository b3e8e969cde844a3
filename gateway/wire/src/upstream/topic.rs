//! The topics of one gateway.

use gateway_core::event::EventKind;
use gateway_core::name::Name;

/// `gateways/<gateway>/events/<kind>`.
pub fn events(gateway: &Name, kind: EventKind) -> String {
    format!("gateways/{gateway}/events/{}", kind_name(kind))
}

/// `gateways/<gateway>/receipts`: subscribe with QoS 1 at each CONNACK.
pub fn receipts(gateway: &Name) -> String {
    format!("gateways/{gateway}/receipts")
}

/// `gateways/<gateway>/orders`: subscribe with QoS 1 at each CONNACK.
pub fn orders(gateway: &Name) -> String {
    format!("gateways/{gateway}/orders")
}

/// `gateways/<gateway>/status`: retained, and the last will.
pub fn status(gateway: &Name) -> String {
    format!("gateways/{gateway}/status")
}

/// The kind as headers, topics and types write it: `alert_raised`.
pub fn kind_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Started => "started",
        EventKind::PassageBegun => "passage_begun",
        EventKind::SightingJoined => "sighting_joined",
        EventKind::ReadingJoined => "reading_joined",
        EventKind::Stray => "stray",
        EventKind::Decision => "decision",
        EventKind::Answer => "answer",
        EventKind::PassageEnded => "passage_ended",
        EventKind::Move => "move",
        EventKind::ForeignMove => "foreign_move",
        EventKind::AlertRaised => "alert_raised",
        EventKind::AlertAcknowledged => "alert_acknowledged",
        EventKind::AlertClosed => "alert_closed",
        EventKind::Order => "order",
        EventKind::DeviceState => "device_state",
        EventKind::Emergency => "emergency",
        EventKind::EmergencyEnded => "emergency_ended",
        EventKind::LockDown => "lock_down",
        EventKind::LockDownEnded => "lock_down_ended",
        EventKind::ListChanged => "list_changed",
        EventKind::Clock => "clock",
        EventKind::Login => "login",
        EventKind::Configuration => "configuration",
        EventKind::Retention => "retention",
        EventKind::Storage => "storage",
        EventKind::Audit => "audit",
    }
}
