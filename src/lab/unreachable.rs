//! ICMP "destination unreachable" messages, as a router on the way would send them (RFC 792,
//! RFC 4443 section 3.1).

use etherparse::{Icmpv4Type, Icmpv6Type, IpHeaders, PacketBuilder, icmpv4, icmpv6};

use crate::scenario::UnreachableCode;

/// The message that answers `packet`, from the address that the packet was for.
pub fn message(packet: &[u8], code: UnreachableCode) -> Option<Vec<u8>> {
    let (headers, _) = IpHeaders::from_slice(packet).ok()?;
    let mut bytes = Vec::new();
    match headers {
        IpHeaders::Ipv4(ip, _) => {
            // RFC 792: the original header and the first 64 bits of its data.
            let quoted = packet.get(..(ip.header_len() + 8).min(packet.len()))?;
            let why = match code {
                UnreachableCode::Net => icmpv4::DestUnreachableHeader::Network,
                UnreachableCode::Host => icmpv4::DestUnreachableHeader::Host,
                UnreachableCode::Port => icmpv4::DestUnreachableHeader::Port,
                UnreachableCode::Prohibited => icmpv4::DestUnreachableHeader::FilterProhibited,
            };
            PacketBuilder::ipv4(ip.destination, ip.source, 64)
                .icmpv4(Icmpv4Type::DestinationUnreachable(why))
                .write(&mut bytes, quoted)
                .ok()?;
        }
        IpHeaders::Ipv6(ip, _) => {
            // RFC 4443: as much as fits into the least MTU.
            let quoted = packet.get(..packet.len().min(1232))?;
            let why = match code {
                UnreachableCode::Net => icmpv6::DestUnreachableCode::NoRoute,
                UnreachableCode::Host => icmpv6::DestUnreachableCode::Address,
                UnreachableCode::Port => icmpv6::DestUnreachableCode::Port,
                UnreachableCode::Prohibited => icmpv6::DestUnreachableCode::Prohibited,
            };
            PacketBuilder::ipv6(ip.destination, ip.source, 64)
                .icmpv6(Icmpv6Type::DestinationUnreachable(why))
                .write(&mut bytes, quoted)
                .ok()?;
        }
    }
    Some(bytes)
}
