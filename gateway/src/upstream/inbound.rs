//! What upstream says: receipts empty the outbox, orders go to the gate. Anything that is not
//! signed, not for us or not true is ignored and counted by cause (P-12, P-15).

use gateway_store::deliver::{Deliverer, Input};
use gateway_store::header::{Hash, JournalId};
use gateway_store::outbox::{Receipt, ReceiptRange};
use gateway_wire::upstream::order::OrderMessage;
use gateway_wire::upstream::receipt::ReceiptMessage;
use gateway_wire::upstream::{UpstreamError, topic};

use super::Edge;

impl Edge {
    /// What the deliverer must hear of a message, if anything.
    pub(super) fn inbound(
        &mut self,
        heard_on: &str,
        payload: &[u8],
        deliverer: &mut Deliverer,
    ) -> Vec<Input> {
        let gateway = self.origin.gateway.clone();
        if heard_on == topic::receipts(&gateway) {
            match ReceiptMessage::open(payload, &self.keys, &gateway) {
                Ok(receipt) => return self.receipt(receipt, deliverer),
                Err(error) => self.refuse("receipt", &error),
            }
        } else if heard_on == topic::orders(&gateway) {
            match OrderMessage::open(payload, &self.keys, &gateway) {
                Ok(order) => self.order(&order),
                Err(error) => self.refuse("order", &error),
            }
        }
        Vec::new()
    }

    fn receipt(&mut self, message: ReceiptMessage, deliverer: &mut Deliverer) -> Vec<Input> {
        let receipt = Receipt {
            journal: JournalId(message.journal),
            destination: message.destination.as_str().into(),
            ranges: message
                .ranges
                .iter()
                .map(|range| ReceiptRange {
                    from: range.from,
                    to: range.to,
                    hash: Hash(range.hash),
                })
                .collect(),
        };
        match self.outbox.confirm(&receipt, deliverer.sent()) {
            Ok(confirmation) => {
                for cause in &confirmation.ignored {
                    self.health
                        .count(&format!("receipt_{cause:?}").to_lowercase());
                }
                confirmation
                    .accepted
                    .iter()
                    .map(|(from, to)| Input::Confirmed {
                        from: *from,
                        to: *to,
                    })
                    .collect()
            }
            Err(error) => {
                tracing::error!(%error, "a receipt cannot be kept: nothing is confirmed by it");
                Vec::new()
            }
        }
    }

    /// The gate records the order and what came of it; upstream hears by that event.
    fn order(&self, message: &OrderMessage) {
        let order = message.to_order(&self.id);
        let gate = self.gate.clone();
        let health = self.health.clone();
        tokio::spawn(async move {
            if let Err(error) = gate.order(order).await {
                tracing::warn!(%error, "an order from upstream was not taken");
                health.count(error.code());
            }
        });
    }

    fn refuse(&self, what: &'static str, error: &UpstreamError) {
        tracing::warn!(destination = %self.id, %error, "a message from upstream was refused: {what}");
        self.health.count(&format!("{what}_{}", error.code()));
    }
}
