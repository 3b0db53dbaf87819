//! Whether a request that met a broken connection is sent again.

/// Keeps a copy of a request, if it may be sent again.
pub trait ResendRequest<Request> {
    /// The copy; `None` if the caller is to get the error instead.
    fn copy(&self, request: &Request) -> Option<Request>;
}

/// Sends every request again, or none. The default, with `true`.
///
/// Nobody knows whether the server has executed a request whose connection broke: for requests that may
/// not be executed twice choose by [`ResendWith`], or not at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resend(pub bool);

impl<Request: Clone> ResendRequest<Request> for Resend {
    fn copy(&self, request: &Request) -> Option<Request> {
        self.0.then(|| request.clone())
    }
}

/// Sends no request again, and so asks nothing of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Once;

impl<Request> ResendRequest<Request> for Once {
    fn copy(&self, _: &Request) -> Option<Request> {
        None
    }
}

/// Sends again what the function copies: only what is idempotent, say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResendWith<F>(pub F);

impl<Request, F: Fn(&Request) -> Option<Request>> ResendRequest<Request> for ResendWith<F> {
    fn copy(&self, request: &Request) -> Option<Request> {
        (self.0)(request)
    }
}
