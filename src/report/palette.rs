//! What stands out, and how: the meaning of a text decides its colour.

use anstyle::{AnsiColor, Style};

use super::Look;
use super::text;
use crate::event::{Segment, SegmentRole, TcpFlags};
use crate::model::TcpState;

/// What a text means to the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Of less interest.
    Faint,
    /// As it should be: ESTABLISHED, LISTEN, a pass.
    Good,
    /// On the way in: SYN_SENT, SYN_RECV.
    Opening,
    /// On the way out, or worth a look.
    Closing,
    /// Wrong, or ended by force: RST, a zombie, a CLOSE_WAIT that lasts, a failure.
    Bad,
}

impl Tone {
    /// The tone of a state. `lasting`: nothing was about to change it.
    pub(crate) fn of_state(state: TcpState, lasting: bool) -> Tone {
        match state {
            TcpState::Established | TcpState::Listen => Tone::Good,
            TcpState::SynSent | TcpState::SynRecv => Tone::Opening,
            TcpState::CloseWait if lasting => Tone::Bad,
            TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::LastAck
            | TcpState::Closing => Tone::Closing,
            TcpState::TimeWait | TcpState::Close => Tone::Faint,
            TcpState::Unknown(_) => Tone::Bad,
        }
    }

    /// The tone of a segment.
    pub(crate) fn of_segment(segment: &Segment, payload: u32) -> Tone {
        if segment.flags.has(TcpFlags::RST) {
            Tone::Bad
        } else if segment.flags.has(TcpFlags::FIN) || segment.role != SegmentRole::First {
            Tone::Closing
        } else if segment.flags.has(TcpFlags::SYN) {
            Tone::Opening
        } else if payload > 0 {
            Tone::Plain
        } else {
            Tone::Faint
        }
    }

    fn style(self) -> Style {
        let colored = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => colored(AnsiColor::Green),
            Tone::Opening => colored(AnsiColor::Cyan),
            Tone::Closing => colored(AnsiColor::Yellow),
            Tone::Bad => colored(AnsiColor::Red).bold(),
        }
    }
}

impl Look {
    /// `text` in its tone, in ASCII where nothing else is safe. Blanks around it stay unstyled.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let text = self.glyphs(text);
        let core = text.trim();
        if !self.color || tone == Tone::Plain || core.is_empty() {
            return text;
        }
        let start = text.len() - text.trim_start().len();
        let style = tone.style();
        let (before, after) = (&text[..start], &text[start + core.len()..]);
        format!("{before}{style}{core}{style:#}{after}")
    }

    /// `text` as it may be printed: ASCII only, where nothing else is safe.
    pub fn glyphs(&self, text: &str) -> String {
        if self.unicode {
            text.to_owned()
        } else {
            text::ascii(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_goes_around_the_text_only() {
        let look = Look {
            width: 80,
            color: true,
            unicode: true,
        };
        assert_eq!(look.paint(Tone::Good, " ok "), " \x1b[32mok\x1b[0m ");
        assert_eq!(look.paint(Tone::Good, "  "), "  ");
        let plain = Look {
            color: false,
            unicode: false,
            ..look
        };
        assert_eq!(plain.paint(Tone::Bad, "a → b"), "a -> b");
    }

    #[test]
    fn only_a_close_wait_that_lasts_is_bad() {
        assert_eq!(Tone::of_state(TcpState::CloseWait, false), Tone::Closing);
        assert_eq!(Tone::of_state(TcpState::CloseWait, true), Tone::Bad);
    }
}
