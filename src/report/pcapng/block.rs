//! The blocks of pcapng that are written here, byte by byte, little endian
//! (draft-ietf-opsawg-pcapng: section header, interface description, enhanced packet, interface
//! statistics; options are its section 3.5).

/// `LINKTYPE_RAW`: a packet begins with its IPv4 or IPv6 header.
const RAW: u16 = 101;

/// `if_tsresol`: times count in 10^-9 seconds.
const NANOSECONDS: u8 = 9;

/// The longest text of an option, in bytes: its length is a number of 16 bits.
const LONGEST: usize = 0xffff;

/// Something that stands behind the fixed part of a block.
#[derive(Debug)]
pub(super) struct Item {
    code: u16,
    value: Vec<u8>,
}

fn number(code: u16, value: u64) -> Item {
    let value = value.to_le_bytes().to_vec();
    Item { code, value }
}

/// Text, cut to what fits.
fn text(code: u16, text: &str) -> Item {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let value = text.as_bytes()[..end].to_vec();
    Item { code, value }
}

/// `opt_comment`: words for people, in any block and as often as one likes.
pub(super) fn comment(words: &str) -> Item {
    text(1, words)
}

/// A section: its header and all blocks in it.
#[derive(Debug)]
pub(super) struct Section {
    header: Vec<Item>,
    blocks: Vec<u8>,
}

impl Section {
    /// A section that `os` and `application` made.
    pub(super) fn new(comment: Item, os: &str, application: &str) -> Section {
        Section {
            header: vec![comment, text(3, os), text(4, application)],
            blocks: Vec::new(),
        }
    }

    /// Describes the next interface; they count from 0.
    pub(super) fn interface(&mut self, name: &str, description: &str) {
        const ANY_LENGTH: u32 = 0;
        let mut body = Vec::new();
        body.extend(RAW.to_le_bytes());
        body.extend([0; 2]);
        body.extend(ANY_LENGTH.to_le_bytes());
        let resolution = Item {
            code: 9,
            value: vec![NANOSECONDS],
        };
        let items = [text(2, name), text(3, description), resolution];
        block(&mut self.blocks, 1, &body, &items);
    }

    /// A packet that left through an interface, with the time since 1970 in nanoseconds.
    pub(super) fn packet(
        &mut self,
        interface: u32,
        at: u64,
        id: u64,
        data: &[u8],
        comments: Vec<Item>,
    ) {
        const OUTBOUND: u32 = 2;
        let mut body = Vec::new();
        body.extend(interface.to_le_bytes());
        body.extend(time(at));
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
        body.extend(length);
        body.extend(length);
        body.extend(data);
        pad(&mut body);
        let mut items = comments;
        items.push(Item {
            code: 2,
            value: OUTBOUND.to_le_bytes().to_vec(),
        });
        items.push(number(5, id));
        block(&mut self.blocks, 6, &body, &items);
    }

    /// What an interface saw between two times, and how much of it was dropped.
    pub(super) fn statistics(
        &mut self,
        interface: u32,
        (from, to): (u64, u64),
        seen: u64,
        dropped: u64,
    ) {
        let mut body = Vec::new();
        body.extend(interface.to_le_bytes());
        body.extend(time(to));
        let at = |code, at| Item {
            code,
            value: time(at).to_vec(),
        };
        let items = [at(2, from), at(3, to), number(4, seen), number(5, dropped)];
        block(&mut self.blocks, 5, &body, &items);
    }

    /// The bytes of the section.
    pub(super) fn finish(self) -> Vec<u8> {
        const ORDER: u32 = 0x1a2b_3c4d;
        let mut body = Vec::new();
        body.extend(ORDER.to_le_bytes());
        body.extend(1u16.to_le_bytes());
        body.extend(0u16.to_le_bytes());
        body.extend((self.blocks.len() as u64).to_le_bytes());
        let mut bytes = Vec::new();
        block(&mut bytes, 0x0a0d_0d0a, &body, &self.header);
        bytes.extend(self.blocks);
        bytes
    }
}

/// The upper half of a time goes first, each half little endian.
fn time(at: u64) -> [u8; 8] {
    at.rotate_left(32).to_le_bytes()
}

/// Type, length, body, options, length again. The body's length is a multiple of 4 already.
fn block(into: &mut Vec<u8>, kind: u32, body: &[u8], items: &[Item]) {
    const END: [u8; 4] = [0; 4];
    let mut options = Vec::new();
    for item in items {
        options.extend(item.code.to_le_bytes());
        options.extend(
            u16::try_from(item.value.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        options.extend(&item.value);
        pad(&mut options);
    }
    options.extend(END);
    let length = u32::try_from(12 + body.len() + options.len()).unwrap_or(u32::MAX);
    into.extend(kind.to_le_bytes());
    into.extend(length.to_le_bytes());
    into.extend(body);
    into.extend(options);
    into.extend(length.to_le_bytes());
}

/// Fills up to a multiple of 4.
fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_as_the_draft_draws_it() {
        let mut bytes = Vec::new();
        block(&mut bytes, 5, &[7, 0, 0, 0], &[comment("abc")]);
        assert_eq!(
            bytes,
            [
                5, 0, 0, 0, 28, 0, 0, 0, 7, 0, 0, 0, 1, 0, 3, 0, b'a', b'b', b'c', 0, 0, 0, 0, 0,
                28, 0, 0, 0
            ]
        );
    }

    #[test]
    fn times_have_their_upper_half_first() {
        assert_eq!(time(0x0102_0304_0506_0708), [4, 3, 2, 1, 8, 7, 6, 5]);
    }

    #[test]
    fn endless_texts_are_cut_between_characters() {
        let item = comment(&"€".repeat(30_000));
        assert_eq!(item.value.len(), 65_535 / 3 * 3);
        assert!(String::from_utf8(item.value).is_ok());
    }
}
