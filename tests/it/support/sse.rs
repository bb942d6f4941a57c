//! Reads a stream of server-sent events as a client would.

use std::time::Duration;

use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: i64,
    pub name: String,
    pub data: Value,
}

/// No stream of a test lasts longer, be the machine ever so busy.
const PATIENCE: Duration = Duration::from_secs(150);

/// Events until `enough`, or the stream's end.
pub async fn read_until(response: reqwest::Response, mut enough: impl FnMut(&Event) -> bool) -> Vec<Event> {
    let mut stream = response.bytes_stream().eventsource();
    let mut events = Vec::new();
    let all = async {
        while let Some(next) = stream.next().await {
            let Ok(next) = next else { break };
            if next.event.is_empty() || next.data.is_empty() {
                continue;
            }
            let event = Event {
                id: next.id.parse().expect("an event's id is a number"),
                name: next.event,
                data: serde_json::from_str(&next.data).expect("an event's data is JSON"),
            };
            let last = enough(&event);
            events.push(event);
            if last {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, all)
        .await
        .expect("the stream went on for too long");
    events
}

/// All events until the server closes the stream.
pub async fn read_all(response: reqwest::Response) -> Vec<Event> {
    read_until(response, |_| false).await
}

/// The data of the first event of this name.
pub fn first<'a>(events: &'a [Event], name: &str) -> &'a Value {
    &events
        .iter()
        .find(|e| e.name == name)
        .unwrap_or_else(|| panic!("no `{name}` among {events:#?}"))
        .data
}
