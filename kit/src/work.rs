//! What a task works on: a request, and a trace. It lies in the task; no span is opened for it (a subscriber would pay
//! for that on every call).

use std::sync::Arc;

use crate::request_id::RequestId;
use crate::trace::TraceContext;

tokio::task_local! {
    static CURRENT: Work;
}

/// What a task works on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    pub(crate) request: Option<RequestId>,
    /// Shared: an open stream keeps it, and hardly any has one.
    pub(crate) place: Option<Arc<Place>>,
}

/// Where in a trace.
#[derive(Debug)]
pub(crate) struct Place {
    /// Whose work it is.
    pub(crate) service: &'static str,
    /// Its span; or that of who asked for it, where nothing is recorded.
    pub(crate) context: TraceContext,
}

impl Place {
    pub(crate) fn new(service: &'static str, context: TraceContext) -> Arc<Self> {
        Arc::new(Self { service, context })
    }
}

impl Work {
    /// The work of a request.
    pub(crate) fn of(request: RequestId, place: Option<Arc<Place>>) -> Self {
        let request = Some(request);
        Self { request, place }
    }

    /// Runs a future as part of this.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// Runs a function as part of this.
    pub(crate) fn sync_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// Something about the work of this task; `None` where it works on nothing in particular.
    pub(crate) fn current<T>(look: impl FnOnce(&Work) -> Option<T>) -> Option<T> {
        CURRENT.try_with(look).ok().flatten()
    }
}
