// Package media anchors the sound of a leg: a pair of UDP ports that plays tones to a phone, hears its key presses, and
// forwards between two legs while they cannot or do not yet talk directly. RTP is RFC 3550 with the profile of
// RFC 3551; key presses are RFC 4733; nothing is transcoded.
//
// An [Endpoint] sends one stream, whatever it is made of: ring-back, then early media, then the answered phone. Its SSRC
// never changes, its sequence numbers have no gap and its timestamps go on with the time that passed, so that a phone
// hears one clean source and not several that fight. What is forwarded is renumbered, gets the payload type that the
// receiver chose for that codec, and loses extensions and contributing sources that the receiver never agreed to.
//
//	phone A --RTP--> Endpoint a --codec of the payload type--> Endpoint b --renumbered--> phone B
//	                    | key presses -> OnDTMF                    | Play: a tone instead; Press: a key
//
// A tone goes before what is forwarded: while an endpoint plays, packets for it are dropped. Only ring-back under
// [LinkEarly] gives way, to the first packet of early media.
//
// A Tap hears what is forwarded to a phone, for a recording; Beep, which says that there is one, is mixed into it: that is the one
// case in which a payload is changed.
//
// RTP is taken only from the address that SetRemote gave, or latched once to another port of the same host, since
// phones behind a port-translating router send from elsewhere than they say. All else is a stranger, counted and
// dropped, so that nobody can talk into a call by guessing a port.
//
// Each open endpoint has two goroutines that read its sockets, and one more while it plays; Close ends and awaits them.
// Locks of two endpoints are never held together: the reader of one hands a packet over to the other, which
// checks under its own lock that the two are still linked.
//
// RTCP is passed on in our own words while two phones are linked. An endpoint that plays sends none: the tones are short, and
// what a phone says of them interests nobody.
//
// Rejected: one goroutine over all sockets (a slow write would delay every call), passing RTCP on as it is (it names
// sources that the receiver has never heard, and the CNAME tells who and where the phone is), and transcoding (both
// sides are offered codecs that both have).
package media
