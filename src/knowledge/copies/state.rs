//! One site's copy and what it holds.

use std::collections::BTreeMap;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use deskhand_index::Index;

use crate::db::models::Model;

/// What a site's knowledge was at a revision.
pub(in crate::knowledge) struct State {
    pub revision: i64,
    /// The model whose vectors these are.
    pub model: Option<Model>,
    pub trust: BTreeMap<String, f64>,
    pub index: Index,
}

/// A state that is carried on from one revision to the next.
pub(in crate::knowledge) struct SiteCopy {
    state: RwLock<State>,
    /// One at a time.
    pub(super) refreshing: tokio::sync::Mutex<()>,
}

impl SiteCopy {
    pub(super) fn new(state: State) -> Self {
        Self {
            state: RwLock::new(state),
            refreshing: tokio::sync::Mutex::default(),
        }
    }

    /// None while it is being changed, or when a change of it broke off: nobody waits for it
    /// on a thread that others need.
    pub fn read(&self) -> Option<RwLockReadGuard<'_, State>> {
        self.state.try_read().ok()
    }

    /// None when a change of it broke off.
    pub(super) fn write(&self) -> Option<RwLockWriteGuard<'_, State>> {
        self.state.write().ok()
    }

    pub(super) fn bytes(&self) -> usize {
        // One that broke off takes no part any more.
        self.state.read().map_or(usize::MAX, |state| state.index.bytes())
    }
}
