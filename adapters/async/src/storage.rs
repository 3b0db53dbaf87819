//! Lists of endpoints that may be replaced while a link runs.

use redial::Endpoint;

/// What a list of endpoints is stored in, if it may become another one: whatever can be made of a `Vec`, as
/// a `Vec` and a boxed slice can, and an array cannot.
#[diagnostic::on_unimplemented(
    message = "the endpoints of this link are in a `{Self}`, which cannot become another list",
    label = "a list that may not change",
    note = "give `Reconnector::with_endpoints` a `Vec` or a boxed slice",
    note = "what `Reconnector::new` makes has one endpoint, in an array"
)]
pub trait Changeable: From<Vec<Endpoint>> {}

#[diagnostic::do_not_recommend]
impl<S: From<Vec<Endpoint>>> Changeable for S {}
