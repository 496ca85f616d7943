//! What `ls` and `why` say of filters in their help.

/// The forms of a filter, as text to join: `concat!` takes literals only.
macro_rules! filters {
    () => {
        "\
Filters, all of which must hold:
  :9190  9190  :8000-8100     a port of either end
  10.0.0.1  10.0.0.0/8        an address; 10.0.0.1:80, [::1]:80 with a port
  local:…  remote:…           of this end, of the other; sport:80, dport:80
  pid:123  name:nginx         a process that holds it; name:'nginx*'
  user:www-data  user:33      who made it, or runs a process that holds it
  tcp  udp  v4  v6  tcp6      protocol; family of the socket; both
  listen  state:close-wait    a TCP state; unconnected, connected, synchronized, bucket, big, all
                              as in ss
  recv-q>0  send-q>0          also retransmits
  and  or  not  ( )           an argument with blanks stands in parentheses of its own
"
    };
}
