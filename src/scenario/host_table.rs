//! The `[hosts.NAME]` tables.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::action::check_sysctl;
use super::error::Fault;
use super::program_table::check_name;
use super::reader::{Reader, Value, entry};
use super::{Host, schema};
use crate::model::HostName;

/// Reads the table of all hosts; with each, where its name stands.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
) -> BTreeMap<HostName, (Range<usize>, Host)> {
    let mut hosts = BTreeMap::new();
    for (key, value) in table.iter() {
        let word: &str = key.get_ref();
        check_name(reader, word, key.span(), "host");
        let host = host(reader, word, value);
        hosts.insert(HostName::from(word), (key.span(), host));
    }
    hosts
}

fn host(reader: &mut Reader<'_>, name: &str, value: &Value<'_>) -> Host {
    let mut host = Host::default();
    let Some(table) = reader.table(value, &format!("`hosts.{name}`")) else {
        return host;
    };
    reader.only_keys(table, &schema::HOST, "a host");
    if let Some((_, value)) = entry(table, "sysctl")
        && let Some(table) = reader.table(value, "`sysctl`")
    {
        sysctls(reader, table, "", &mut host.sysctl);
    }
    if let Some((_, value)) = entry(table, "rto_min") {
        host.rto_min = reader.duration(value, "`rto_min`");
    }
    if let Some((_, value)) = entry(table, "quickack") {
        match value.get_ref() {
            DeValue::Boolean(quickack) => host.quickack = Some(*quickack),
            _ => reader.wrong_type(value, "`quickack`", "true or false"),
        }
    }
    host
}

/// `net.ipv4.tcp_fin_timeout = 1` is three tables in TOML, `"net.ipv4.tcp_fin_timeout" = 1` is one
/// key: both mean the same.
fn sysctls(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    above: &str,
    found: &mut BTreeMap<String, String>,
) {
    for (key, value) in table.iter() {
        let word: &str = key.get_ref();
        let name = match above {
            "" => word.to_owned(),
            above => format!("{above}.{word}"),
        };
        let setting = match value.get_ref() {
            DeValue::Table(below) => {
                sysctls(reader, below, &name, found);
                continue;
            }
            DeValue::String(string) => string.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(on) => u8::from(*on).to_string(),
            _ => {
                reader.wrong_type(value, &format!("`{name}`"), "a number or a string");
                continue;
            }
        };
        match check_sysctl(&name) {
            Ok(()) => {
                found.insert(name, setting);
            }
            Err(fault) => reader.fault(Fault {
                span: key.span(),
                ..fault
            }),
        }
    }
}
