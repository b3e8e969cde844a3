//! What upstream says: receipts empty the outbox, orders go to the gate. Anything that is not
//! signed, not for us or not true is ignored and counted by cause (P-12, P-15).

use std::sync::Arc;

use gateway_core::order::Order;
use gateway_store::deliver::{Deliverer, Input};
use gateway_store::header::{Hash, JournalId};
use gateway_store::outbox::{Receipt, ReceiptRange};
use gateway_wire::upstream::order::OrderMessage;
use gateway_wire::upstream::receipt::ReceiptMessage;
use gateway_wire::upstream::{UpstreamError, topic};

use rumqttc::{AsyncClient, Publish, QoS};
use tokio::sync::mpsc;

use super::Edge;
use crate::handles::GateHandle;
use crate::health::Health;

impl Edge {
    /// What the deliverer must hear of a message, if anything.
    ///
    /// A receipt is acknowledged to the broker when it is kept, an order when what came of it is
    /// durable, anything else at once.
    pub(super) fn inbound(
        &mut self,
        message: Publish,
        client: AsyncClient,
        deliverer: &mut Deliverer,
    ) -> Vec<Input> {
        let gateway = self.origin.gateway.clone();
        let mut inputs = Vec::new();
        if message.topic == topic::receipts(&gateway) {
            match ReceiptMessage::open(&message.payload, &self.keys, &gateway) {
                Ok(receipt) => inputs = self.receipt(receipt, deliverer),
                Err(error) => self.refuse("receipt", &error),
            }
        } else if message.topic == topic::orders(&gateway) {
            match OrderMessage::open(&message.payload, &self.keys, &gateway) {
                Ok(order) => {
                    let order = order.to_order(&self.id);
                    let ordered = Ordered {
                        order,
                        message,
                        client,
                    };
                    // Unacknowledged it comes again with the next connection.
                    if self.orders.try_send(ordered).is_err() {
                        self.health.count("order_no_room");
                    }
                    return inputs;
                }
                Err(error) => self.refuse("order", &error),
            }
        }
        acknowledge(&client, &message);
        inputs
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
        let confirmed =
            tokio::task::block_in_place(|| self.outbox.confirm(&receipt, deliverer.sent()));
        match confirmed {
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

    fn refuse(&self, what: &'static str, error: &UpstreamError) {
        tracing::warn!(destination = %self.id, %error, "a message from upstream was refused: {what}");
        self.health.count(&format!("{what}_{}", error.code()));
    }
}

/// Orders that may wait for the gate; one more is left to the broker.
const ORDERS: usize = 64;

/// An order on its way to the gate, with what acknowledges it.
pub(super) struct Ordered {
    order: Order,
    message: Publish,
    client: AsyncClient,
}

/// Gives the gate one order after the other, in the order in which they came. The gate records
/// each and what came of it; upstream hears by that event.
pub(super) fn take_orders(gate: GateHandle, health: Arc<Health>) -> mpsc::Sender<Ordered> {
    let (orders, mut waiting) = mpsc::channel::<Ordered>(ORDERS);
    tokio::spawn(async move {
        while let Some(ordered) = waiting.recv().await {
            match gate.order(ordered.order).await {
                Ok(_) => acknowledge(&ordered.client, &ordered.message),
                Err(error) => {
                    tracing::warn!(%error, "an order from upstream was not taken");
                    health.count(error.code());
                }
            }
        }
    });
    orders
}

/// On a connection that has gone this says nothing, and the message comes again.
fn acknowledge(client: &AsyncClient, message: &Publish) {
    if message.qos != QoS::AtMostOnce && client.try_ack(message).is_err() {
        tracing::debug!("a message from upstream could not be acknowledged");
    }
}
