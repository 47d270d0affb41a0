//! HTTP routes, and their patterns: the name of a request's span is that of its route, which axum would have to note
//! for every request.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::MethodRouter;

/// The HTTP routes of a service.
#[derive(Debug)]
pub struct HttpRoutes<S = ()> {
    router: Router<S>,
    patterns: Vec<String>,
}

impl<S: Clone + Send + Sync + 'static> Default for HttpRoutes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> HttpRoutes<S> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            patterns: Vec::new(),
        }
    }

    /// Adds a route, by its pattern: `/tasks/{id}`.
    pub fn route(mut self, pattern: &str, methods: MethodRouter<S>) -> Self {
        self.patterns.push(pattern.to_owned());
        let router = self.router.route(pattern, methods);
        Self { router, ..self }
    }

    /// Allows bodies of up to so many bytes.
    pub fn body_limit(self, bytes: usize) -> Self {
        let router = self.router.layer(DefaultBodyLimit::max(bytes));
        Self { router, ..self }
    }

    /// Gives their handlers what they work on.
    pub fn with_state(self, state: S) -> HttpRoutes {
        HttpRoutes {
            router: self.router.with_state(state),
            patterns: self.patterns,
        }
    }
}

impl HttpRoutes {
    pub(super) fn into_parts(self) -> (Router, Vec<String>) {
        (self.router, self.patterns)
    }
}

impl From<Router> for HttpRoutes {
    /// Routes of unknown patterns.
    fn from(router: Router) -> Self {
        let patterns = Vec::new();
        Self { router, patterns }
    }
}

/// Which pattern a path is of.
#[derive(Debug, Default)]
pub(super) struct Patterns(matchit::Router<Box<str>>);

impl Patterns {
    pub(super) fn new(patterns: Vec<String>) -> Self {
        let mut router = matchit::Router::new();
        for pattern in patterns {
            // Twice the same: it is there.
            let _known = router.insert(pattern.clone(), pattern.into());
        }
        Self(router)
    }

    pub(super) fn of(&self, path: &str) -> Option<&str> {
        self.0.at(path).ok().map(|found| &**found.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_the_pattern_that_would_take_it() {
        let patterns = ["/", "/tasks", "/tasks/{id}", "/tasks"].map(str::to_owned);
        let patterns = Patterns::new(patterns.to_vec());
        for (path, pattern) in [
            ("/", Some("/")),
            ("/tasks", Some("/tasks")),
            ("/tasks/7", Some("/tasks/{id}")),
            ("/tasks/7/8", None),
            ("/favicon.ico", None),
        ] {
            assert_eq!(patterns.of(path), pattern, "{path}");
        }
    }
}
