//! What of a filter stays true or false for as long as a socket lives, and what of it the kernel's
//! tracepoints can judge.

use super::{Condition, EndPattern, Ends, Filter};
use crate::observe::inet_diag::Family;

impl Filter {
    /// The filter that lets through every socket that this one could ever mean, whatever becomes
    /// of the conditions that are not kept.
    #[must_use]
    pub fn keeping(&self, keep: fn(&Condition) -> bool) -> Filter {
        self.kept(true, keep)
    }

    fn kept(&self, holds: bool, keep: fn(&Condition) -> bool) -> Filter {
        match self {
            Filter::Is(condition) if !keep(condition) => Filter::EVERYTHING,
            Filter::Is(_) if holds => self.clone(),
            Filter::Is(_) => Filter::Not(Box::new(self.clone())),
            Filter::Not(part) => part.kept(!holds, keep),
            Filter::All(parts) | Filter::Any(parts) => {
                let kept = parts.iter().map(|part| part.kept(holds, keep));
                if matches!(self, Filter::All(_)) == holds {
                    return Filter::all(kept);
                }
                let kept: Vec<Filter> = kept.collect();
                match kept.contains(&Filter::EVERYTHING) {
                    true => Filter::EVERYTHING,
                    false => Filter::any(kept),
                }
            }
        }
    }

    /// Whether any condition is of this kind.
    pub fn has(&self, kind: fn(&Condition) -> bool) -> bool {
        match self {
            Filter::Is(condition) => kind(condition),
            Filter::Not(part) => part.has(kind),
            Filter::All(parts) | Filter::Any(parts) => parts.iter().any(|part| part.has(kind)),
        }
    }

    /// In the language of tracefs (`Documentation/trace/events.rst`): what lets through the
    /// events of every socket that can be meant. Nothing where that is all of them.
    ///
    /// Who just connects has no local port yet: such an event always comes through.
    pub fn tracepoint(&self) -> Option<String> {
        match judge(self, true) {
            Judged::Always => None,
            Judged::Never => Some("sport==1 && sport==2".to_owned()),
            Judged::Test(text) => Some(text),
        }
    }
}

impl Condition {
    /// Whether it holds or not for as long as the socket lives.
    pub fn lasts(&self) -> bool {
        !matches!(self, Condition::State(_) | Condition::Gauge(..))
    }

    /// Whether it is of a number that changes without any event.
    pub fn is_gauge(&self) -> bool {
        matches!(self, Condition::Gauge(..))
    }
}

enum Judged {
    Always,
    Never,
    Test(String),
}

fn judge(filter: &Filter, holds: bool) -> Judged {
    match filter {
        Filter::Is(condition) => judge_one(condition, holds),
        Filter::Not(part) => judge(part, !holds),
        Filter::All(parts) | Filter::Any(parts) => {
            let all = matches!(filter, Filter::All(_)) == holds;
            let mut tests = Vec::new();
            for part in parts {
                match (judge(part, holds), all) {
                    (Judged::Always, true) | (Judged::Never, false) => {}
                    (Judged::Always, false) => return Judged::Always,
                    (Judged::Never, true) => return Judged::Never,
                    (Judged::Test(test), _) => tests.push(test),
                }
            }
            match (tests.is_empty(), all) {
                (true, true) => Judged::Always,
                (true, false) => Judged::Never,
                (false, true) => Judged::Test(format!("({})", tests.join(" && "))),
                (false, false) => Judged::Test(format!("({})", tests.join(" || "))),
            }
        }
    }
}

fn judge_one(condition: &Condition, holds: bool) -> Judged {
    let test = match condition {
        Condition::End(ends, pattern) => return ports(*ends, pattern, holds),
        Condition::Family(Family::V4) => format!("family{}{}", sign(holds), libc::AF_INET),
        Condition::Family(Family::V6) => format!("family{}{}", sign(holds), libc::AF_INET6),
        _ => return Judged::Always,
    };
    Judged::Test(test)
}

fn sign(holds: bool) -> &'static str {
    if holds { "==" } else { "!=" }
}

fn ports(ends: Ends, pattern: &EndPattern, holds: bool) -> Judged {
    let Some(ports) = pattern.ports else {
        return Judged::Always;
    };
    // `not 10.0.0.1:80` says nothing of the port alone.
    if !holds && pattern.net.is_some() {
        return Judged::Always;
    }
    let of = |field: &str| match (holds, ports.from == ports.to) {
        (true, true) => format!("{field}=={}", ports.from),
        (true, false) => format!("({field}>={} && {field}<={})", ports.from, ports.to),
        (false, true) => format!("{field}!={}", ports.from),
        (false, false) => format!("({field}<{} || {field}>{})", ports.from, ports.to),
    };
    let local = format!("(sport==0 || {})", of("sport"));
    Judged::Test(match ends {
        Ends::Local => local,
        Ends::Remote => of("dport"),
        Ends::Either if holds => format!("({local} || {})", of("dport")),
        Ends::Either => format!("({local} && {})", of("dport")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn filter(text: &str) -> Filter {
        parse(&[text], &|_| None).expect("a filter")
    }

    #[test]
    fn a_state_says_nothing_of_later() {
        let kept = |text: &str| filter(text).keeping(Condition::lasts).to_string();
        assert_eq!(kept(":80 state:close-wait"), ":80");
        assert_eq!(kept(":80 or state:close-wait"), "");
        assert_eq!(kept("not (:80 state:close-wait)"), "");
        assert_eq!(kept("not (:80 or state:close-wait)"), "not :80");
        assert_eq!(kept("pid:3 not listen"), "pid:3");
    }

    #[test]
    fn the_tracepoint_lets_through_whoever_has_no_port_yet() {
        let text = |text: &str| filter(text).tracepoint();
        assert_eq!(text("10.0.0.1"), None);
        assert_eq!(text("name:x or :80"), None);
        assert_eq!(text("remote:80 listen").as_deref(), Some("(dport==80)"),);
        assert_eq!(
            text("sport:80-90").as_deref(),
            Some("(sport==0 || (sport>=80 && sport<=90))")
        );
        assert_eq!(
            text("not :80").as_deref(),
            Some("((sport==0 || sport!=80) && dport!=80)")
        );
        assert_eq!(text("not 10.0.0.1:80"), None);
        assert_eq!(text("v4").as_deref(), Some("family==2"));
    }
}
