// Package esl is the FreeSWITCH adapter: it rings the phones of a FreeSWITCH that the hospital owns, through its event socket
// (FreeSWITCH 1.10 and newer). Package client speaks the protocol.
//
// # A leg and its channel
//
// A leg that we ring is one channel, whose UUID is the leg's id:
//
//	bgapi originate {origination_uuid=LEG,…}user/101 &park()
//	Job-UUID: LEG
//
// FreeSWITCH refuses a second channel with the same UUID while the first lives. Answered, the channel waits in park: it is told as
// answered only then, since one that is not parked yet can neither be joined nor played to. Two parked channels are joined by
// uuid_bridge; the reply to that says that the order is queued, CHANNEL_BRIDGE that they hear each other.
//
// The callee's early media is heard by the caller because an originate without ignore_early_media parks the channel as soon as
// media comes, and it is bridged then. While it is, the caller's channel has park_after_early_bridge, so that it survives a callee who
// does not answer in the end. Nobody has that variable once both talk: when one hangs up while we are down, FreeSWITCH releases
// the other.
//
// One phone of an extension rings: with an origination_uuid FreeSWITCH drops all contacts of "user/101" but one, and without it nobody
// could say which channels are ours. [Backend.Limits] names the extensions that have several. With every_phone each has a leg of its
// own: Locate asks who is registered (sofia_contact) and what the directory says of the extension (dial-string), and each contact is a
// way that dials it with the directory's variables. That is done only where the dial-string rings the phones of that user and does
// nothing else, and where every contact is plain, since a phone writes its own as it likes; else "user/101" is dialled as ever, and the
// log says why. Asking costs a round trip at each click, four where there are several phones, hence the key. What else "user/…" brings
// from the directory is not there then: the variables of the user, but for its context, and its dial-var-… parameters.
//
// A 302 is not followed (outbound_redirect_fatal), since the rules about who may be rung are core's. A 181 is told by no event of
// FreeSWITCH's: a leg that rings is never told as forwarded.
//
// # Calls of the dialplan's
//
// An extension sets c2d_dial and runs the socket application, which connects to us (see pbx-configs/freeswitch). That connection
// only says which channel it is about: what is believed is what FreeSWITCH says of it over our own. It holds the dialplan until
// the call is answered; then the channel is moved to park, where it outlives us. If we refuse it, or die before, the dialplan goes
// on with what it has next.
//
// # The connection
//
// One connection carries commands and events: a hang-up that follows an originate on the same connection always finds its channel,
// from another it found it in 44 of 60 cases, and the phone went on ringing. One that finds none is given again when the channel
// tells of itself. Filters on the prefix of our leg ids keep other people's events in FreeSWITCH, also those of another
// installation of ours. A channel that the dialplan has handed us carries such an id as a variable; since events of keys have no
// variables, its own id has a filter too, while it lives. After each connect every leg is asked for by uuid_dump; the list of channels lags behind by a tenth of a
// second and only serves to find what no record tells of.
//
// # If we are no more
//
// Every channel of ours ends by itself, on orders that FreeSWITCH has had before:
//
//	rings, without media         originate_timeout, the ring limit
//	early media of a callee      a ring limit after it came: media ends an originate, and its limit; the answer takes this back
//	early media of a caller      the originate's ring limit: it ignores it
//	answered, in whatever state  ring limit and talk limit together, after its answer
//	offered, not answered        its socket ends with us, and the dialplan goes on
//	offered, answered            as a leg that is answered, by what was rung for it, else a day; ordered together with park
//
// What is set when something happens FreeSWITCH does by variables of the channel (api_on_pre_answer, api_on_answer, in the order in
// which they are given), since nobody may be there who hears of it. A hang-up that is scheduled is added to those that are, never put
// in their place: hence the answer deletes all, and not execute_on_answer sets the new one, which FreeSWITCH does before.
//
// # Recordings
//
// FreeSWITCH writes them itself, as stereo, into the folder that is media.recordings here: its entry's recordings says what it is
// called there. It begins about a quarter of a second after it has said so. Both hear a beep now and then, which it mixes into what
// they hear.
//
// # A transfer made on the phone
//
// FreeSWITCH obeys a REFER by itself: the other party goes on through the dialplan, with whoever that rings, or with whom the phone
// talked beside it. The leg of the phone that has asked goes on as whoever that is, as it does behind a dialplan, and is told as
// forwarded. It has no channel of ours then: it is over when the other party is, which is never cut because of it, and is taken up
// again after a restart. What moves sound between the two (hold, keys, recording) is refused from then on, and a recording ends: the
// third was not asked. A transfer by us takes the other party back from there. Without a record of ours, the two are FreeSWITCH's.
//
// The phone may hang up before FreeSWITCH has obeyed, so that it has asked (transfer_disposition) says more than who hung up. Of a
// transfer to somebody who still rings FreeSWITCH tells nothing but the end of the phone's channel: a second after an end that
// nobody's hang-up explains, the other channel is asked where it is.
//
// # What ends a leg
//
// CHANNEL_HANGUP_COMPLETE, with FreeSWITCH's cause and the SIP status of the phone, by the tables in cause.go; for an originate that
// never became a channel, the result of its job. 486, 603, 480 and 404 stay apart. A port that is closed looks like a 503.
package esl
