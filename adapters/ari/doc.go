// Package ari is the Asterisk adapter: it rings the phones of an Asterisk that the hospital owns, through the Asterisk REST
// Interface (Asterisk 20 and newer). Package client speaks the interface.
//
// # A leg and its channels
//
//	direct      PJSIP/{number}                   one channel, whose id is the leg's
//	dialplan    Local/{number}@from-internal/n   two halves; the far one runs through the admin's dialplan, so that its permissions,
//	                                             outbound routes, recording and follow-me hold; the phones that it dials are followed
//	offered     Stasis(c2d,dial,NUMBER)          a channel of the dialplan's own
//
// Of several phones that one PJSIP endpoint has (max_contacts above 1) one rings where it is dialled directly: a channel is one phone's.
//
// Every leg that we ring is made by POST /channels/create, enters our application, and is dialled then: so it can be bridged
// before it is answered (early media), outlives a lost connection while it rings, and nothing of what the dialplan does with it
// is missed. POST /channels is not used: a phone that is answered while nobody serves the application loses its call.
//
// Behind a dialplan, ringing, answer and cause are those of the phone that it dials, whose channel has inherited the variable
// C2D_LEG. The caller has answered when such a phone has: a mailbox rings nobody else. For the callee the dialplan decides,
// as it does for everybody who dials through it. A leg that ends before Asterisk has dialled it had a number that the
// dialplan's context does not know. Dial follows a phone's 302 through the dialplan: the leg is told as
// forwarded, and goes on with whoever that rings. Of a phone that is dialled directly a 302 is the end. A 181 is told by no event of
// Asterisk's.
//
// # The connection
//
// One websocket carries the events of two applications: one of this node's own, c2d-INSTALLATION-NODE, in which its legs are,
// and the shared one to which the dialplan hands calls. Two installations on one Asterisk thus never hear of each other's
// legs; the shared name goes to whoever connected last. If our own name is taken over, a twin of this process runs: it is told
// in Health, and tried again after a minute. While the connection is down nothing is rung, since Asterisk would ring a phone
// for an application that nobody serves.
//
// After each connect the event filter is sent again, empty bridges of ours are removed, and core compares its legs with
// Asterisk's channels: Asterisk tells nothing twice.
//
// # A transfer made on the phone
//
// A REFER of a phone that we dial directly, or that has called in, is left to us (PJSIP_TRANSFER_HANDLING is ari-only) and done
// as on our own SIP: rules, records and events are those of a transfer there. Versions before 20.13, 21.8 and 22.3 do
// not know this, and put a channel of their own in the place of the phone's (replace_channel): after a blind transfer the leg goes on
// with whoever that leads to, and its record says that it was forwarded; an attended one is done as if it had been left to us.
// Behind the dialplan it stays the dialplan's, since the phone's channel is: Asterisk dials the third party through it, and our
// leg goes on with whoever that is.
//
// # Recording
//
// Asterisk records the bridge of the two, into its own spool, as <leg>_<name>.wav: both voices in one channel. When that has ended
// the file is fetched by ARI, put into the folder of all recordings as <name>.wav, and removed there; Asterisk may be on another
// machine. Only then it is told as recorded. After each connect what lies in the spool of ours is looked at: a recording of a call
// that we carry goes on, any other is stopped and fetched. While one waits Asterisk keeps silence. The beeps are played into the
// bridge, where Asterisk repeats them without us, and are in the file. A fetch that fails after the call's end is only in the
// log: the file stays with Asterisk, and is fetched after the next connect.
//
// Where recordings are configured every bridge mixes from the beginning: on 22.10 one that changes to that while two talk over
// it may leave one of them without sound, for good. Rejected: two snoop channels, one for each side. What a phone does not send is
// not in their files, so that the sides drift apart.
//
// # What ends a leg
//
// ChannelDestroyed, the only end that every channel has: its Q.850 cause and the SIP status of the phone (tech_cause), by the
// tables in cause.go. A status that Asterisk made up itself (480 for its own timer, or for a phone that is not there) is told
// apart by the hang-up request that a real one has. 486, 603, 480 and 404 stay apart.
package ari
