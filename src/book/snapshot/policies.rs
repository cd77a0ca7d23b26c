//! How is a policy written and read?

use super::reader::{Read, Reader};
use super::writer::Writer;
use crate::tree::{FaultKind, Policy, Remedy};

// A remedy is written as its place here; further ones are added at the end.
const REMEDIES: [Remedy; 5] =
    [Remedy::Reject, Remedy::Quarantine, Remedy::Adopt, Remedy::Prefer, Remedy::Clear];

pub(super) fn write(out: &mut Writer<'_>, policy: &Policy) {
    out.count(FaultKind::ALL.len());
    for kind in FaultKind::ALL {
        let place = REMEDIES.iter().position(|remedy| *remedy == policy.remedy(kind));
        out.u8(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX));
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Read<Policy> {
    let kinds = reader.count(1)?;
    if kinds != FaultKind::ALL.len() {
        return Err(reader.fault(format!("a policy has {} remedies, not {kinds}", FaultKind::ALL.len())));
    }
    let mut policy = Policy::strict();
    for kind in FaultKind::ALL {
        let code = reader.u8()?;
        let Some(remedy) = REMEDIES.get(usize::from(code)) else {
            return Err(reader.fault(format!("there is no remedy {code}")));
        };
        policy = policy.with(kind, *remedy).map_err(|error| reader.fault(error.to_string()))?;
    }
    Ok(policy)
}
