// Package registrar is the registrar of the built-in phone system (RFC 3261 section 10) and its digest authentication
// (RFC 8760), over the message types of sipgo. It answers; it does not listen, dial or hold timers.
//
//	REGISTER ── limited? 503 ── form 400, 420 ── domain 404 ── digest 401 ── own AOR? 403, 404 ── contacts 400, 423, 500
//	                                                                                │
//	                                   200 with every contact ◄── durable in user.Locations, else 503
//
// Decisions:
//
//   - A 200 is sent only when the store has the bindings. A REGISTER is one transaction, and REGISTERs of one address of
//     record are taken one after the other, so that Call-ID and CSeq order them (section 10.3, step 7).
//   - A binding beyond the tenth takes the place of the one that was refreshed longest ago: a phone behind a NAT that
//     restarts often would otherwise lock itself out until its own old bindings expire.
//   - MD5 alone is offered unless the configuration says more. RFC 8760 wants SHA-256 first and MD5 after it, but phones
//     that know MD5 only are many, and some give up at a challenge that they do not know, wherever it stands
//     (baresip 1.0: "Function not implemented"). A hospital whose phones all know SHA-256 offers that.
//   - An answer without qop, as in RFC 2069, is accepted for MD5 only; as nothing counts its uses, its nonce is good once.
//   - Nonces are stateless: time, randomness and a MAC under a key of this process, over the source's address too. What is
//     remembered is only which nonce counts were used by someone who knew the password, so strangers cannot fill the
//     table. An answer to a nonce of before a restart, or from another network, gets stale=true, and the phone goes on
//     without asking its user; the store is not asked.
//   - An unknown user name costs the same work and gets the same answer as a wrong password. Failures are counted per
//     source address (IPv6: per /64), and only of answers to a nonce that was sent there: over UDP anybody can write
//     anybody's address, and must not shut a ward out. A source with too many is answered 503 with Retry-After, without work. 503 and
//     not 403, because behind one NAT the other phones must come back by themselves.
//   - Third-party registration is refused: From and To are the device's own address of record.
//
// Credentials are parsed and computed here and not by icholy/digest v1.2.0. Its parser compares names case-sensitively,
// knows no tab, stops at '_', '.' and '+' in unquoted values, lets the last of two equal parameters win, and keeps nc as
// a number, which loses the text that the client hashed. The tests use it as an independent client.
package registrar
