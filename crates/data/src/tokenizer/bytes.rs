//! ByT5: UTF-8 bytes as ids (Xue et al. 2022, section 3), with the sentinels numbered as transformers numbers them.

use super::{OffsetEncoding, SpecialTokens, special::sentinel_name};

const PAD: u32 = 0;
const EOS: u32 = 1;
const UNK: u32 = 2;
/// Ids before byte 0.
const BYTE_OFFSET: u32 = 3;
const FIRST_SENTINEL: u32 = BYTE_OFFSET + 256;
const NUM_SENTINELS: u32 = 125;

#[derive(Debug, Clone, Copy)]
pub(super) struct ByteTokenizer;

/// A stretch of text between special tokens, or one of those.
enum Segment {
    Text { start: usize, end: usize },
    Special { id: u32, start: usize, end: usize },
}

impl ByteTokenizer {
    pub(super) fn special(self) -> SpecialTokens {
        SpecialTokens {
            pad: PAD,
            eos: Some(EOS),
            unk: Some(UNK),
            cls: None,
            sep: None,
            mask: None,
        }
    }

    pub(super) fn sentinels(self) -> Vec<u32> {
        (FIRST_SENTINEL..FIRST_SENTINEL + NUM_SENTINELS).collect()
    }

    pub(super) fn vocab_size(self) -> usize {
        (FIRST_SENTINEL + NUM_SENTINELS) as usize
    }

    pub(super) fn encode(self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() + 1);
        for segment in segments(text) {
            match segment {
                Segment::Special { id, .. } => ids.push(id),
                Segment::Text { start, end } => ids.extend(
                    text.as_bytes()[start..end]
                        .iter()
                        .map(|&byte| u32::from(byte) + BYTE_OFFSET),
                ),
            }
        }
        ids
    }

    /// Ends with `</s>`, once: transformers adds none where the text already ends with one.
    pub(super) fn with_eos(self, mut ids: Vec<u32>) -> Vec<u32> {
        if ids.last() != Some(&EOS) {
            ids.push(EOS);
        }
        ids
    }

    pub(super) fn encode_with_offsets(self, text: &str) -> OffsetEncoding {
        let (mut ids, mut offsets) = (Vec::new(), Vec::new());
        // Segments come in order, so characters are counted once.
        let (mut byte, mut character) = (0, 0);
        for segment in segments(text) {
            let (start, end) = match segment {
                Segment::Text { start, end } | Segment::Special { start, end, .. } => (start, end),
            };
            character += text[byte..start].chars().count();
            if let Segment::Special { id, .. } = segment {
                let length = text[start..end].chars().count();
                ids.push(id);
                offsets.push((character, character + length));
                character += length;
            } else {
                for symbol in text[start..end].chars() {
                    let mut buffer = [0; 4];
                    for &byte in symbol.encode_utf8(&mut buffer).as_bytes() {
                        ids.push(u32::from(byte) + BYTE_OFFSET);
                        offsets.push((character, character + 1));
                    }
                    character += 1;
                }
            }
            byte = end;
        }
        let ids = self.with_eos(ids);
        offsets.resize(ids.len(), (0, 0));
        OffsetEncoding { ids, offsets }
    }

    pub(super) fn decode(self, ids: &[u32], skip_special_tokens: bool) -> String {
        let mut bytes = Vec::with_capacity(ids.len());
        for &id in ids {
            self.append_bytes(id, skip_special_tokens, &mut bytes);
        }
        bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
    }

    /// Appends what `id` stands for to the bytes of a text.
    pub(super) fn append_bytes(self, id: u32, skip_special_tokens: bool, bytes: &mut Vec<u8>) {
        match id.checked_sub(BYTE_OFFSET).map(u8::try_from) {
            Some(Ok(byte)) => bytes.push(byte),
            _ if skip_special_tokens => {}
            _ => bytes.extend(self.token(id).unwrap_or_default().into_bytes()),
        }
    }

    /// A byte is shown as the character of that code, as transformers does.
    pub(super) fn token(self, id: u32) -> Option<String> {
        match id {
            PAD => Some("<pad>".to_owned()),
            EOS => Some("</s>".to_owned()),
            UNK => Some("<unk>".to_owned()),
            _ => match u8::try_from(id - BYTE_OFFSET) {
                Ok(byte) => Some(char::from(byte).to_string()),
                Err(_) => {
                    let index = id - FIRST_SENTINEL;
                    (index < NUM_SENTINELS).then(|| sentinel_name(index as usize))
                }
            },
        }
    }
}

/// `text` cut at the special tokens written in it. `<pad>`, `</s>` and `<unk>` swallow the white space around them,
/// sentinels do not.
fn segments(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find('<') {
        let at = from + found;
        let Some((id, end)) = special_at(text, at) else {
            from = at + 1;
            continue;
        };
        let swallows = id < BYTE_OFFSET;
        let before = &text[start..at];
        let kept = if swallows {
            before.trim_end_matches(is_space)
        } else {
            before
        };
        segments.push(Segment::Text {
            start,
            end: start + kept.len(),
        });
        segments.push(Segment::Special { id, start: at, end });
        start = end;
        if swallows {
            let rest = &text[end..];
            start += rest.len() - rest.trim_start_matches(is_space).len();
        }
        from = start;
    }
    segments.push(Segment::Text {
        start,
        end: text.len(),
    });
    segments
}

/// The special token written at byte `at`, and the byte it ends before.
fn special_at(text: &str, at: usize) -> Option<(u32, usize)> {
    let rest = &text[at..];
    for (name, id) in [("<pad>", PAD), ("</s>", EOS), ("<unk>", UNK)] {
        if rest.starts_with(name) {
            return Some((id, at + name.len()));
        }
    }
    let digits = rest.strip_prefix("<extra_id_")?.split_once('>')?.0;
    let index: u32 = digits.parse().ok()?;
    let name = sentinel_name(index as usize);
    // Compared as a whole: neither "007" nor "+7" is a sentinel's number.
    (index < NUM_SENTINELS && rest.starts_with(&name))
        .then(|| (FIRST_SENTINEL + index, at + name.len()))
}

/// White space as Python's `str.strip` sees it: the information separators count.
fn is_space(symbol: char) -> bool {
    symbol.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&symbol)
}
