//! How far a long step is: a bar on a terminal, elsewhere a line now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::print::note;

/// How often to say so where there is no terminal.
const SAY: Duration = Duration::from_secs(5);

/// Shows one step on standard error. The bar goes when this is dropped.
pub struct Display {
    what: &'static str,
    verb: &'static str,
    all: usize,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Display {
    /// For `all` of `what` (a plural), of which more and more are `verb` (a participle).
    pub fn new(what: &'static str, verb: &'static str, all: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(all as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}, {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(format!("{what} {verb}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            what,
            verb,
            all,
            bar,
            said: Instant::now(),
        }
    }

    /// So many are done; and a remark.
    pub fn show(&mut self, done: usize, remark: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(format!("{} {}{remark}", self.what, self.verb));
        } else if self.said.elapsed() >= SAY {
            self.said = Instant::now();
            note(&format!(
                "{done} of {} {} {}{remark}",
                self.all, self.what, self.verb
            ));
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
