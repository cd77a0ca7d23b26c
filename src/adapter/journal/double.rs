//! A file system in memory that loses and halves what was not made durable.
//!
//! A process ends at any operation, with that operation done, half done, or not done. Where only the process was killed, all
//! that was done is there. Where the power failed, too, of what no `sync` has returned for any part may be lost: of bytes the
//! beginning or the end, which then are zeros, or all; of a shorter length the cut; of names each change by itself, in any
//! order.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::disk::{Disk, DiskFile};

/// Numbers that look random, the same for the same seed.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// What becomes of the operation of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process ends there.
    Ends,
    /// It fails, perhaps half done, and the process goes on.
    Fails,
}

#[derive(Debug, Clone)]
enum Write {
    Append(usize, Vec<u8>),
    Cut(usize),
}

#[derive(Debug, Clone)]
enum Naming {
    Set(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since `durable`.
    pending: Vec<Write>,
    /// What a `sync` that failed was to keep: one that succeeds later does not, unless another process calls it.
    forgotten: Vec<Write>,
}

#[derive(Debug)]
struct World {
    random: Random,
    inodes: Vec<Inode>,
    live: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    pending: Vec<Naming>,
    /// Operations so far, and which of them goes wrong.
    operations: usize,
    fault: Option<(usize, Fault)>,
    is_over: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Double(Arc<Mutex<World>>);

#[derive(Debug)]
struct Open {
    world: Double,
    inode: usize,
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
        }
    }
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Append(at, data) => {
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
            Self::Cut(length) => bytes.truncate(*length),
        }
    }

    /// What is left of it without power: all, nothing, or a part.
    fn torn(&self, random: &mut Random) -> Option<Self> {
        let part = random.below(5);
        match self {
            Self::Append(at, data) if part < 3 => {
                let place = random.below(data.len() + 1);
                let mut left = data.clone();
                match part {
                    0 => left.truncate(place),
                    1 => left[place..].fill(0),
                    _ => left[..place].fill(0),
                }
                Some(Self::Append(*at, left))
            }
            _ => (part != 3).then(|| self.clone()),
        }
    }
}

impl Double {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            random: Random::new(seed),
            inodes: Vec::new(),
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            operations: 0,
            fault: None,
            is_over: false,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(super) fn operations(&self) -> usize {
        self.world().operations
    }

    /// Lets an operation from now on go wrong.
    pub(super) fn fault(&self, after: usize, fault: Fault) {
        let mut world = self.world();
        world.fault = Some((world.operations + after, fault));
    }

    /// The process is gone; another one finds all that was done.
    pub(super) fn restart(&self) {
        let mut world = self.world();
        (world.is_over, world.fault) = (false, None);
        for inode in &mut world.inodes {
            let later = std::mem::take(&mut inode.pending);
            inode.pending = std::mem::take(&mut inode.forgotten);
            inode.pending.extend(later);
        }
    }

    /// The power is gone as well; another process finds what is durable, and of the rest what chance leaves.
    pub(super) fn lose_power(&self) {
        let mut world = self.world();
        let World { random, inodes, durable, pending, .. } = &mut *world;
        for inode in &mut *inodes {
            let mut bytes = std::mem::take(&mut inode.durable);
            inode.forgotten.clear();
            for write in std::mem::take(&mut inode.pending) {
                write.torn(random).iter().for_each(|left| left.apply(&mut bytes));
            }
            (inode.live, inode.durable) = (bytes.clone(), bytes);
        }
        for naming in std::mem::take(pending) {
            if random.below(2) == 0 {
                naming.apply(durable);
            }
        }
        world.live = world.durable.clone();
        drop(world);
        self.restart();
    }

    /// Somebody else writes to a file.
    pub(super) fn write_behind(&self, path: &Path, bytes: &[u8]) {
        let mut world = self.world();
        let inode = world.live[path];
        world.append(inode, bytes);
    }

    pub(super) fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        world.live.get(path).map(|inode| world.inodes[*inode].live.clone())
    }

    pub(super) fn names(&self) -> Vec<PathBuf> {
        self.world().live.keys().cloned().collect()
    }
}

fn ended() -> io::Error {
    io::Error::other("it goes wrong here")
}

impl World {
    /// Counts an operation: `true` where it is to be done, by chance where it goes wrong.
    fn step(&mut self) -> (bool, io::Result<()>) {
        if self.is_over {
            return (false, Err(ended()));
        }
        self.operations += 1;
        match self.fault {
            Some((at, fault)) if at == self.operations => {
                self.is_over = fault == Fault::Ends;
                (self.random.below(2) == 0, Err(ended()))
            }
            _ => (true, Ok(())),
        }
    }

    fn append(&mut self, inode: usize, bytes: &[u8]) {
        let inode = &mut self.inodes[inode];
        let write = Write::Append(inode.live.len(), bytes.to_vec());
        write.apply(&mut inode.live);
        inode.pending.push(write);
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.live);
        self.pending.push(naming);
    }
}

impl Disk for Double {
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        let mut world = self.world();
        world.step().1?;
        let inode = world.live.get(path).copied();
        Ok(inode.map(|inode| Box::new(Open { world: self.clone(), inode }) as Box<dyn DiskFile>))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        let (is_done, result) = world.step();
        let known = world.live.get(path).copied();
        let inode = known.unwrap_or(world.inodes.len());
        if is_done {
            match known {
                Some(inode) => {
                    world.inodes[inode].live.clear();
                    world.inodes[inode].pending.push(Write::Cut(0));
                }
                None => {
                    world.inodes.push(Inode::default());
                    world.name(Naming::Set(path.to_owned(), inode));
                }
            }
        }
        result.map(|()| Box::new(Open { world: self.clone(), inode }) as Box<dyn DiskFile>)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        if world.live.contains_key(to) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode = *world.live.get(from).ok_or(ErrorKind::NotFound)?;
        let (is_done, result) = world.step();
        if is_done {
            world.name(Naming::Set(to.to_owned(), inode));
        }
        result
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let inode = *world.live.get(from).ok_or(ErrorKind::NotFound)?;
        let (is_done, result) = world.step();
        if is_done {
            world.name(Naming::Rename(from.to_owned(), to.to_owned(), inode));
        }
        result
    }

    fn sync_names(&self, _: &Path) -> io::Result<()> {
        let mut world = self.world();
        let (is_done, result) = world.step();
        if is_done {
            world.durable = world.live.clone();
            world.pending.clear();
        }
        result
    }
}

impl DiskFile for Open {
    fn length(&self) -> io::Result<u64> {
        let mut world = self.world.world();
        world.step().1?;
        Ok(world.inodes[self.inode].live.len() as u64)
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut world = self.world.world();
        world.step().1?;
        Ok(world.inodes[self.inode].live.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world.world();
        let (is_done, result) = world.step();
        let length = match (&result, is_done) {
            (Ok(()), _) => bytes.len(),
            (Err(_), true) => world.random.below(bytes.len() + 1),
            (Err(_), false) => 0,
        };
        if length > 0 {
            world.append(self.inode, &bytes[..length]);
        }
        result
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut world = self.world.world();
        let (is_done, result) = world.step();
        if is_done {
            let write = Write::Cut(usize::try_from(length).unwrap());
            let inode = &mut world.inodes[self.inode];
            write.apply(&mut inode.live);
            inode.pending.push(write);
        }
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut world = self.world.world();
        let (is_done, result) = world.step();
        let is_over = world.is_over;
        let Inode { durable, pending, forgotten, .. } = &mut world.inodes[self.inode];
        if is_done {
            pending.drain(..).for_each(|write| write.apply(durable));
        } else if !is_over {
            forgotten.append(pending);
        }
        result
    }
}
