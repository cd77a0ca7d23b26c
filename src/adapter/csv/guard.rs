//! How are bytes decoded, lines counted and sizes limited before the `csv` crate reads them?
//!
//! This reader removes a byte order mark, decodes UTF-16 and skips the lines before the header. And it tracks three
//! things that the lexer of the `csv` crate does not report, which this reader learns as the bytes pass: the physical line on which a record starts
//! (whatever ends the lines), whether a record grows without bound, and whether the last quote was
//! closed. For the last, it adds a short record of its own after the end of the file: a file that ends
//! inside a quote swallows it.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::error::Place;
use super::limits::{BUFFER_BYTES, MAX_RECORD_BYTES};
use super::utf16::Utf16;

const BOM: &[u8] = b"\xef\xbb\xbf";
const LITTLE_ENDIAN: &[u8] = b"\xff\xfe";
const BIG_ENDIAN: &[u8] = b"\xfe\xff";
const TRAILER: &[u8] = b"\nx";

/// How the text of a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
}

/// A reader that follows lines and sizes.
pub(super) struct Guard {
    inner: Box<dyn Read>,
    // Bytes read ahead to see whether there is a byte order mark.
    head: Vec<u8>,
    // Bytes before the first one that is handed on: the byte order mark and the skipped lines.
    before: u64,
    // Lines that are still to be skipped.
    skip: u64,
    encoding: Encoding,
    // Bytes of the file handed on so far.
    offset: u64,
    line: u64,
    at_line_start: bool,
    after_cr: bool,
    // Starts of the lines that are not empty, from the record being lexed on.
    starts: VecDeque<Place>,
    // End of the last complete record.
    mark: u64,
    end: Option<u64>,
    trailer: &'static [u8],
    overflowed: bool,
}

impl Guard {
    /// Reads a file without its byte order mark, if it has one, and without its first `skip` lines.
    pub(super) fn new(mut inner: Box<dyn Read>, skip: u64) -> io::Result<Self> {
        let mut head = Vec::with_capacity(BOM.len());
        inner.by_ref().take(BOM.len() as u64).read_to_end(&mut head)?;
        let (mut before, mut encoding) = (0, Encoding::Utf8);
        if head == BOM {
            before = BOM.len() as u64;
            head.clear();
        } else if let Some(mark) = [LITTLE_ENDIAN, BIG_ENDIAN].into_iter().find(|mark| head.starts_with(mark))
        {
            let rest = io::Cursor::new(head.split_off(mark.len())).chain(inner);
            inner = Box::new(Utf16::new(Box::new(rest), mark == BIG_ENDIAN));
            (head, encoding) = (Vec::new(), Encoding::Utf16);
        }
        Ok(Self {
            inner,
            head,
            before,
            skip,
            encoding,
            offset: 0,
            line: 1,
            at_line_start: true,
            after_cr: false,
            starts: VecDeque::new(),
            mark: 0,
            end: None,
            trailer: TRAILER,
            overflowed: false,
        })
    }

    /// Where the record starts that was lexed from `position` on: the lexer skips empty lines first.
    /// Nothing when that is the record added after the end.
    pub(super) fn start(&mut self, position: u64) -> Option<Place> {
        while self.starts.front().is_some_and(|place| place.byte < position) {
            self.starts.pop_front();
        }
        let place = *self.starts.front()?;
        let added = self.end.is_some_and(|end| place.byte > end);
        if added { None } else { Some(Place { byte: place.byte + self.before, line: place.line }) }
    }

    /// Whether a record that ended at `position` includes the bytes that were added after the end.
    pub(super) fn swallowed(&self, position: u64) -> bool {
        self.end.is_some_and(|end| position >= end + TRAILER.len() as u64)
    }

    /// Notes that a record was complete at `position`.
    pub(super) const fn mark(&mut self, position: u64) {
        self.mark = position;
    }

    /// Whether reading stopped because of the size of a record.
    pub(super) const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// How the text of the file is encoded.
    pub(super) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    // Continues after the skipped lines, whatever they contain: quotes mean nothing in them.
    fn skip_lines(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        while self.skip > 0 {
            if self.before > MAX_RECORD_BYTES {
                self.overflowed = true;
                return Err(io::Error::other("lines before the table too large"));
            }
            let taken = self.fill(buffer)?;
            if self.end.is_some() {
                // The file ends within the skipped lines: the trailer is handed on again, so that it is tracked.
                self.trailer = TRAILER;
                self.skip = 0;
                return Ok(());
            }
            let bytes = buffer.get(..taken).unwrap_or_default();
            let mut rest = bytes.iter();
            while self.skip > 0
                && let Some(byte) = rest.next()
            {
                self.before += 1;
                if *byte == b'\r' || (*byte == b'\n' && !self.after_cr) {
                    self.line += 1;
                    self.skip -= 1;
                }
                self.after_cr = *byte == b'\r';
            }
            let mut unread = rest.as_slice().to_vec();
            unread.append(&mut self.head);
            self.head = unread;
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            let taken = (&*self.head).read(buffer)?;
            self.head.drain(..taken);
            return Ok(taken);
        }
        if self.end.is_none() {
            let taken = loop {
                match self.inner.read(buffer) {
                    Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                    outcome => break outcome?,
                }
            };
            if taken > 0 || buffer.is_empty() {
                return Ok(taken);
            }
            self.end = Some(self.offset);
        }
        self.trailer.read(buffer)
    }

    fn follow(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            let newline = byte == b'\n' || byte == b'\r';
            if !newline && !self.at_line_start {
                // The inside of a line says nothing; go to its end.
                let skip = rest.iter().position(|b| *b == b'\n' || *b == b'\r').unwrap_or(rest.len());
                self.offset += skip as u64;
                rest = rest.get(skip..).unwrap_or_default();
                continue;
            }
            if !newline {
                self.starts.push_back(Place { byte: self.offset, line: self.line });
                self.at_line_start = false;
            } else if !(byte == b'\n' && self.after_cr) {
                self.line += 1;
                self.at_line_start = true;
            }
            self.after_cr = byte == b'\r';
            self.offset += 1;
            rest = after;
        }
    }
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.offset.saturating_sub(self.mark) > MAX_RECORD_BYTES + BUFFER_BYTES as u64 {
            self.overflowed = true;
            return Err(io::Error::other("record too large"));
        }
        self.skip_lines(buffer)?;
        let taken = self.fill(buffer)?;
        self.follow(buffer.get(..taken).unwrap_or_default());
        Ok(taken)
    }
}
