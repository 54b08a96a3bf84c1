// Package phone is a telephone in software: the demo's and the tests' other side.
//
// It stands on sipgo's transactions alone and shares no code with C2D's own dialog layer, so that a mistake there is
// not repeated here: what the two agree on, they agree on over the wire. It registers over UDP with digest
// authentication, answers one call at a time or places one, beside at most one that was set aside, says a tone into the
// call and tells which tones it hears, from which address, since when.
//
//	REGISTER  ->            Register, refreshed until Close
//	INVITE    <- 180, 200   Answer says when; Accept and Refuse do it by hand
//	INVITE    -> 180, 200   Dial; its context ending sends CANCEL
//	re-INVITE <- 200        the tone goes to the new address with the next packet (Media)
//	re-INVITE -> 200        Hold, Resume
//	UPDATE    -> 200        Refresh, of a session timer; with an INVITE as well
//	BYE       <->           HangUp; Ended tells who
//	REFER     -> 202        Refer, Transfer; Attend, when a second call was made after SetAside. Told tells the NOTIFYs
//
// Every wait is on an event or a sound with a context, never on time alone.
package phone
