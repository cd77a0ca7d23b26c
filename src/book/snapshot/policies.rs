//! How are faults and what is done about them written and read?
//!
//! As places in the tables below, which are of the format and not those of the types: a variant that comes
//! between others moves none of them.

use super::reader::{Read, Reader};
use super::writer::Writer;
use crate::tree::{FaultKind, Policy, Remedy};

// Further ones are added at the end.
const FAULTS: [FaultKind; FaultKind::ALL.len()] = [
    FaultKind::InvalidId,
    FaultKind::UnknownType,
    FaultKind::UnknownProduct,
    FaultKind::RepeatedId,
    FaultKind::SelfParent,
    FaultKind::MissingParent,
    FaultKind::SeveralParents,
    FaultKind::Cycle,
    FaultKind::StrayLink,
    FaultKind::InvalidSuccession,
    FaultKind::SuccessionRing,
    FaultKind::LinkCycle,
    FaultKind::TypeOrder,
    FaultKind::UnderProduct,
    FaultKind::RepeatedProduct,
    FaultKind::InvalidValue,
    FaultKind::MissingValue,
    FaultKind::ChildWithoutAccount,
    FaultKind::ChildOfUnknownAccount,
    FaultKind::RepeatedChild,
];

// Further ones are added at the end.
const REMEDIES: [Remedy; 6] =
    [Remedy::Reject, Remedy::Quarantine, Remedy::Adopt, Remedy::Prefer, Remedy::Clear, Remedy::Keep];

pub(super) fn write(out: &mut Writer<'_>, policy: &Policy) {
    out.count(FAULTS.len());
    for kind in FAULTS {
        out.u8(place_of(&REMEDIES, &policy.remedy(kind)));
    }
}

pub(super) fn write_fault(out: &mut Writer<'_>, kind: FaultKind) {
    out.u8(place_of(&FAULTS, &kind));
}

fn place_of<T: PartialEq>(all: &[T], one: &T) -> u8 {
    // Every one has its place, as the tests below hold.
    let place = all.iter().position(|other| other == one);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

pub(super) fn read(reader: &mut Reader<'_>) -> Read<Policy> {
    let kinds = reader.count(1)?;
    if kinds != FAULTS.len() {
        return Err(reader.fault(format!("a policy has {} remedies, not {kinds}", FAULTS.len())));
    }
    let mut policy = Policy::strict();
    for kind in FAULTS {
        let code = reader.u8()?;
        let Some(remedy) = REMEDIES.get(usize::from(code)) else {
            return Err(reader.fault(format!("there is no remedy {code}")));
        };
        policy = policy.with(kind, *remedy).map_err(|error| reader.fault(error.to_string()))?;
    }
    Ok(policy)
}

pub(super) fn read_fault(reader: &mut Reader<'_>) -> Read<FaultKind> {
    let code = reader.u8()?;
    let kind = FAULTS.get(usize::from(code)).copied();
    kind.ok_or_else(|| reader.fault(format!("there is no fault {code}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_and_every_remedy_has_one_place() {
        let mut faults = FAULTS;
        faults.sort();
        let mut all = FaultKind::ALL;
        all.sort();
        assert_eq!(faults, all);
        for remedy in FaultKind::ALL.iter().flat_map(|kind| kind.remedies()) {
            assert!(REMEDIES.contains(remedy), "{remedy:?}");
        }
    }
}
