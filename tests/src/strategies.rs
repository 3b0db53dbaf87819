//! Strategies of proptest over the same bytes that a fuzzer mutates.

use proptest::arbitrary::Arbitrary;
use proptest::prelude::{Strategy, any};
use proptest::strategy::{BoxedStrategy, Just};

use redial::Policy;

use crate::bytes::Bytes;
use crate::ops::Op;
use crate::policies::{POLICY_BYTES, policy};

/// Random valid policies; they shrink to the default, option by option.
pub fn policies() -> BoxedStrategy<Policy> {
    let bytes = proptest::collection::vec(any::<u8>(), POLICY_BYTES);
    bytes.prop_map(|bytes| policy(&mut Bytes::new(&bytes))).boxed()
}

/// Lists of 1 to `most` operations, beginning with a start. There always is that, so 0 means 1.
pub fn operations(most: usize) -> BoxedStrategy<Vec<Op>> {
    let start = Op { what: crate::ops::What::Start, ..Op::default() };
    (Just(start), proptest::collection::vec(any::<Op>(), 0..most.max(1)))
        .prop_map(|(start, rest)| std::iter::once(start).chain(rest).collect())
        .boxed()
}

impl Arbitrary for Op {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        any::<[u8; Self::BYTES]>().prop_map(Self::decode).boxed()
    }
}
