//! A reader of pcapng files that knows the draft and nothing of sockscope: any block, any option.

/// A block with its options.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: u32,
    pub(crate) body: Vec<u8>,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

/// A packet as the file tells it.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) interface: String,
    /// Nanoseconds since 1970.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) comments: Vec<String>,
}

impl Block {
    pub(crate) fn texts(&self, code: u16) -> Vec<String> {
        let found = self.options.iter().filter(|(known, _)| *known == code);
        found
            .map(|(_, value)| String::from_utf8(value.clone()).expect("UTF-8"))
            .collect()
    }

    pub(crate) fn number(&self, code: u16) -> u64 {
        let (_, value) = self
            .options
            .iter()
            .find(|(known, _)| *known == code)
            .expect("the option");
        u64::from_le_bytes(value[..].try_into().expect("64 bits"))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("in the block"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("in the block"))
}

/// All blocks of a file of one section.
pub(crate) fn blocks(file: &[u8]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (kind, length) = (u32_at(rest, 0), u32_at(rest, 4) as usize);
        assert!(length.is_multiple_of(4));
        assert_eq!(
            u32_at(rest, length - 4) as usize,
            length,
            "the length is there twice"
        );
        let inside = &rest[8..length - 4];
        let fixed = match kind {
            0x0a0d_0d0a => 16,
            1 => 8,
            5 => 12,
            6 => 20 + (u32_at(inside, 12) as usize).next_multiple_of(4),
            other => panic!("block {other:#x}"),
        };
        found.push(Block {
            kind,
            body: inside[..fixed].to_vec(),
            options: options(&inside[fixed..]),
        });
        rest = &rest[length..];
    }
    let section = &found[0];
    assert_eq!(section.kind, 0x0a0d_0d0a);
    assert_eq!(u32_at(&section.body, 0), 0x1a2b_3c4d);
    let length = u64::from_le_bytes(section.body[8..16].try_into().expect("8 bytes"));
    let header = u32_at(file, 4) as usize;
    assert_eq!(
        length as usize,
        file.len() - header,
        "the section ends with the file"
    );
    found
}

fn options(mut rest: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (code, length) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
        if code == 0 {
            assert_eq!(rest, [0; 4], "nothing follows the end");
            return found;
        }
        found.push((code, rest[4..4 + length].to_vec()));
        rest = &rest[4 + length.next_multiple_of(4)..];
    }
    panic!("options without an end: {found:?}");
}

/// The names of the interfaces, in their order. All of them have raw IP packets and times in
/// nanoseconds.
pub(crate) fn interfaces(blocks: &[Block]) -> Vec<String> {
    let found = blocks.iter().filter(|block| block.kind == 1);
    found
        .map(|block| {
            assert_eq!(u16_at(&block.body, 0), 101, "LINKTYPE_RAW");
            assert!(block.options.contains(&(9, vec![9])), "nanoseconds");
            block.texts(2).remove(0)
        })
        .collect()
}

/// The packets in the order of the file.
pub(crate) fn packets(blocks: &[Block]) -> Vec<Captured> {
    let names = interfaces(blocks);
    let found = blocks.iter().filter(|block| block.kind == 6);
    found
        .map(|block| {
            let body = &block.body;
            let length = u32_at(body, 12) as usize;
            assert_eq!(u32_at(body, 16) as usize, length, "nothing is cut");
            Captured {
                interface: names[u32_at(body, 0) as usize].clone(),
                at: u64::from(u32_at(body, 4)) << 32 | u64::from(u32_at(body, 8)),
                bytes: body[20..20 + length].to_vec(),
                comments: block.texts(1),
            }
        })
        .collect()
}
