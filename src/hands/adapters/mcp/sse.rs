//! The data of server-sent events out of the pieces of a body.

/// Takes pieces, gives the data of whole events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What isn't a whole line yet.
    rest: Vec<u8>,
    data: String,
    any: bool,
}

impl Events {
    /// The events that a piece completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(piece);
        let mut out = Vec::new();
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if self.any {
                    out.push(std::mem::take(&mut self.data));
                }
                self.any = false;
            } else if let Some(data) = line.strip_prefix("data:") {
                if self.any {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
                self.any = true;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let body = ": hello\r\nid: 1\r\ndata:\r\n\r\nevent: message\ndata: {\"a\":\ndata: \"ü\"}\n\nretry: 5\n\ndata: x\n\ndata: y";
        for size in [1, 2, 7, 500] {
            let mut events = Events::default();
            let got: Vec<String> = body
                .as_bytes()
                .chunks(size)
                .flat_map(|p| events.push(p))
                .collect();
            assert_eq!(got, ["", "{\"a\":\n\"ü\"}", "x"], "{size}");
        }
    }
}
