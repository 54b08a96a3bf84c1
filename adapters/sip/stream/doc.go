// Package stream is SIP over TCP and TLS (RFC 3261 section 18, RFC 5626) as sipgo's transport reads it: a listener whose
// connections hand over one whole message at a time.
//
// The library's own reading has no limit on the size of a message, none on the time that one takes, and dials wherever a
// Via points when a connection is lost. So here:
//
//   - A stream is cut into messages before the library sees it. More than 64 kB, a length that is none, or what is no SIP
//     ends the connection.
//   - A connection that says nothing for ten seconds, and a message that takes longer than that to arrive, are given up;
//     one that has spoken may be silent for as long as it likes, since phones are, and the kernel finds out when it is dead.
//   - A double CRLF between messages is answered with one (RFC 5626 section 3.5.1).
//   - One source address may have so many connections, and all together so many. A TLS handshake has its place among them,
//     and the ten seconds of the first message.
//   - Connections that we open come out of Accept too, so that both kinds are read, traced and closed in one way.
package stream
