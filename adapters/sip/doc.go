// Package sip is the built-in phone system: a B2BUA, a registrar and a media relay in one process (RFC 3261, 3264, 3725),
// and the [call.Backend] of the phones that are registered here.
//
// sipgo is used for its parser, transports and transactions only. Its dialogs are replaced by package dialog (the reasons
// are there), its server by the handler here: a handler's return ends its transaction, so an INVITE's handler stays until
// the ACK; a panic in a handler would end the process, so each runs under a guard; a 2xx is never repeated by the
// library, so [Stack] repeats it.
//
// # Who handles a request
//
// The first row that fits decides.
//
//	request                                    handled by
//	lacks From tag, To, Call-ID, CSeq or Via,  400
//	or has one of them twice
//	is no SIP/2.0                              505
//	Request-URI is no sip:, sips: or tel:      416
//	has a To tag                               the leg with that Call-ID and that tag of ours, if the peer's tag is right
//	                                           too: BYE, INVITE, UPDATE, INFO, OPTIONS, PRACK, REFER,
//	                                           ACK; else 481. An INVITE or UPDATE out of order is 500; INVITE, UPDATE
//	                                           or REFER that demand an extension that we lack are 420
//	ACK                                        dropped: the transaction has taken what is its own
//	its source is over its limit               503 with Retry-After
//	all strangers are over theirs              dropped if it is a datagram, else 503: see Floods
//	demands an extension (Require)             420, but for timer, 100rel in an INVITE, and norefersub in a REFER
//	INVITE, its session interval under 90 s    422
//	REGISTER                                   the registrar
//	INVITE, Max-Forwards 0                     483
//	INVITE that we sent ourselves              482
//	INVITE from whom a trunk trusts            offered to core as from outside: it reaches phones of ours only
//	INVITE                                     the registrar's digest: 407 or 403 for strangers; then offered to core,
//	                                           with Replaces 481 or 603
//	REFER                                      the registrar's digest, then core places the call that it asks for
//	CANCEL without its INVITE                  481, and the INVITE that it overtook gets 487
//	OPTIONS                                    200 with Allow
//	BYE, UPDATE, INFO, PRACK, NOTIFY           481
//	SUBSCRIBE, PUBLISH                         489
//	any other                                  501
//
// The source address of a request inside a dialog is not compared: phones change theirs (Wi-Fi, NAT rebinding), and who
// can read both tags off the wire can forge the address too. Call-IDs and tags of ours are random.
//
// # Entries that change
//
// The entries and their trunks are another list after [Stack.Take], all at once (roster.go). A leg keeps the trunk that it began
// over, and with it the password that its dialog is asked for. A trunk that is left out stays for its calls, and for legs whose callee
// may yet be called over it, then takes its binding back. One whose account (proxy, domain, user) stays hands its binding and what it
// knows of the proxy's addresses to its successor: a second Call-ID would bind the same Contact twice, and the end of the first would
// end both.
//
// # Floods
//
// A request outside our dialogs costs its source a token; a stranger's costs one of all strangers' as well, since who forges
// addresses has a new one for each request (admission.go). A stranger is a source from which nobody has shown a phone's password
// for three hours, and no trunk. Above their limit datagrams are dropped without an answer: it would go to whoever has the
// address, and a real phone repeats its request, so it gets through. Over a connection the source is real, and is told when to
// come back. What is refused or challenged keeps no transaction (RFC 3261 section 26.3.2.4), so a flood is forgotten as it
// comes. After a restart everybody is a stranger until it has registered or called; who talks is not asked. Who knows the
// address of a known phone and forges that takes this one's tokens, not another's.
//
// # Connections
//
// A request to a phone that registered or called over TCP or TLS goes over that connection. When it is lost, a new one is
// opened to where the phone's Contact says that it listens; over TLS not, since phones have no certificates of their own.
// A phone that is known by its lost connection alone may well be there: Locate still tells its way, core rings it, and
// the leg ends at once as unreachable, not rung. One that talks keeps its call for as long as it believes in its session: it
// goes on over the connection by which it registers again, known by its instance or else its Contact, or says something
// inside the dialog (lost.go). What ended meanwhile it is told then: it gets its BYE or CANCEL. These debts are not stored:
// a phone that stays away over a second restart of ours finds out by its own session timer.
//
// An INVITE of more than 1,300 bytes goes over TCP where the phone
// takes a connection at the address where it is registered. Package stream bounds what connections may do.
//
// # Trunks
//
// A backend with a proxy reaches any number through a carrier. One goroutine keeps it up: it registers if that is asked
// for, refreshes at half of what was granted, and asks each address of the proxy for a sign of life by OPTIONS between. A proxy
// that is a name alone is looked up by NAPTR (of the transports that we listen on), SRV, then A and AAAA (RFC 3263); one with a
// transport by SRV; one with a port by its addresses. Nobody's call waits for DNS: what was known stays while DNS is silent. After a failure it waits longer each time, up to two minutes, and registers anew, at the first address
// that takes it. While all fail, Prepare refuses at once, so that core tries the next trunk. Each challenge to each method is
// answered, at most four to one request; the INVITE that answers one has the next CSeq and a branch that follows from the
// stored one, so that a next process can cancel it too. What is shown to whom, and how numbers are written, is in package trunk.
//
// Locate makes a way of each address that takes calls now, at most five: where we are registered first, then by SRV's
// priority, and within one by weight and chance, anew for each call. Core goes from way to way as long as it is proven that no
// phone rang: nobody at the address, a 5xx or a Q.850 cause of the network's before any 18x. Calls and signs of life write into
// one table (servers.go): an address where nobody was, or that was silent, is out until it gives a sign of life; one whose 503
// says Retry-After is out for that long, an hour at most. Silence ends the leg, since a phone may ring, unless the trunk says
// on_silence: next; what comes late finds the orphan.
//
// A trunk's calls come from whom its configuration trusts, and from nobody else: an address, or a TLS peer whose certificate,
// signed by sip.tls.client_ca, names the domain (RFC 5922; exactly, as a DNS name or a sip: URI). On a connection that we opened
// it is the name for which we verified the proxy. Why a proxy over TLS is not believed, or does not believe us, is one sentence
// in the log (distrust.go); /readyz says the code, as of any trunk that is down. A trunk's calls reach phones that are
// registered here and are not sent out again. What anybody else asserts of who calls is not read, and no such header is ever
// copied from one leg to another. A call that goes on through us keeps counting its Max-Forwards.
//
// Requests that go where we are registered take the Service-Route of the registrar (RFC 3608). Rejected: to send them to its
// first hop ourselves; the proxy that is configured is the way out, and routes.
//
// Behind a NAT a trunk's side is told the trunk's advertise in Via, Contact and session descriptions, and its audio stays with us:
// the address of a phone inside means nothing there. It is an IP address, since session descriptions hold one, and the NAT keeps
// our ports: we ask nobody (STUN) what it made of them.
//
// # One leg of ours
//
// Call-ID is the leg id. One goroutine follows the first INVITE until it has its outcome; none belongs to a leg that
// talks. What ends it:
//
//	ICMP port unreachable, nothing received yet   unreachable, not rung
//	no reply within 10 s                          unreachable (on_silence: next: as not rung); late replies find an orphan: 18x is cancelled, 200 gets ACK and BYE
//	3xx to 6xx                                    by the table in cause.go
//	ring limit, HangUp                            CANCEL, at the first 1xx if there was none yet; a 200 that crosses it gets ACK and BYE
//	2xx                                           ACK at once; BYE if its session description cannot be used; else answered
//	a second 2xx with another To tag              ACK and BYE: a proxy forked, and two phones were lifted
//
// Each To tag of a provisional response is an early dialog of its own (fork.go): with its own CSeqs, PRACKs (RFC 3262; we say
// Supported: 100rel), early answer and UPDATEs. The early media of the first that sends some is heard. A 3xx is not
// followed: core decides who is rung before anything rings. As a server we send 180 reliably where the caller demands
// 100rel, and no description in it.
//
// What runs of the library itself have shown to go wrong has a test here; lessons_test.go says which.
//
// # A phone that clicks
//
//	harry's phone                          we
//	   |--- REFER, Refer-To: Mary ----------->|  407, then with credentials
//	   |<-- 202 ------------------------------|
//	   |<-- NOTIFY 100 -----------------------|  then core settles who Mary is: 404, 485, 403 end it here
//	   |<-- INVITE ---------------------------|  the call is as one from the API
//	   |<-- NOTIFY 180 -----------------------|  Mary's phone rings
//	   |<-- NOTIFY 200, terminated -----------|  the two talk; else how it ended
//
// The user part of an address of ours may be a number, a phone, or a name (percent-encoded UTF-8); where it is one contact's
// name and another's phone it is 485. The subscription is not stored: after a restart the phone hears no more of it.
//
// REFER inside a leg's dialog is a blind transfer: core makes a call of the other leg and whom Refer-To names, the leg gets
// NOTIFY 200 and BYE; whom nobody may call is refused in the NOTIFY, and the two go on talking. One with Replaces is an
// attended transfer: it names another dialog of ours with the same phone (RFC 5589 section 7), and the peers of the two are
// joined. A dialog that we do not have is told as 481 in the NOTIFY, one whose peer still rings as 603: the phone waits for
// the answer, or gives that call up and transfers blind. A phone's BYE that overtakes the decision waits for it.
//
// INVITE with Replaces is 481 for a dialog that we do not have, 603 for one that we have. Rejected: to let it take the place of
// a leg. It would let any registered phone that sees a dialog's tags take a talk over; picking up a call is core's to allow.
//
// # Media of two legs
//
//	caller's phone      we                   callee's phone
//	   |<-- INVITE, our RTP address ------------|
//	   |--- 200 ------->| ring-back             |
//	   |                |-- INVITE, our RTP --->|  codecs that the caller's phone answered with
//	   |<== early media, in place of ring-back =|  183
//	   |<== forwarded both ways ===============>|  200, ACK, joined
//	   |<-- INVITE, b --|                       |
//	   |--- 200 ------->|-- INVITE, a's answer->|
//	   |                |<-- 200 ---------------|  one more round if an address moved
//	   |<== direct ============================>|  our ports are free
//
// Whoever refuses, is silent, or is seen behind another address than it names stays forwarded; whoever was redirected
// before that is brought back by another re-INVITE. A phone that offers something itself meanwhile starts the exchange
// again. Once direct, an offer of one phone (hold, resume, codec) is passed through to the other.
//
// When core lets one hold the other, or presses keys towards one, the audio of the two comes back to us. Who waits is asked
// with a=sendonly and hears two beeps every few seconds; whatever the phones themselves hold or resume meanwhile changes
// nothing of it. Keys are RTP events (RFC 4733), 100 ms each, in place of what is forwarded; a phone that did not agree to
// events gets INFO with application/dtmf-relay. After keys the audio stays with us: more may follow.
//
// # Other flows
//
// That is flow: anchored, the default. The key flow of a backend chooses another for the INVITEs that we send its way (RFC
// 3725 sections 4.2 to 4.4; callflow.go), for a carrier that takes no re-INVITE or has media gateways of its own:
//
//	flow        INVITE to a caller         INVITE to a callee        once the callee has answered
//	black-hole  our codecs, c=0.0.0.0      the caller's address      re-INVITE to the caller
//	III         none; ACK with c=0.0.0.0   none                      re-INVITE to the caller, his answer in the callee's ACK
//	IV          no m= line                 none                      the same
//
//	caller's phone      we                   callee's phone       III
//	   |<-- INVITE -----|                       |
//	   |--- 200, a ---->|                       |
//	   |<-- ACK, c=0 ---|-- INVITE ------------>|
//	   |                |<-- 180, 200, b -------|
//	   |<-- INVITE, b --|                       |
//	   |--- 200, a ---->|-- ACK, a ------------>|  joined
//	   |<== direct ============================>|
//
// No RTP port is taken, and the caller hears nothing of us: no ring-back, and no early media of the callee's either, but for
// what a callee's phone sends straight to the caller's address under black-hole. Keys that he presses meanwhile are not heard.
// Where he must hear us (the key prompt, why the callee cannot be reached) his audio is brought to us by a re-INVITE, and stays.
//
// The two are told as joined when both have each other's address. Where that cannot be (the caller's phone refuses or is silent
// for 4.5 s; relay; a phone behind NAT), whoever has no address of ours gets one, in the ACK that still waits or by a
// re-INVITE, and we forward; a phone that takes neither cannot be joined: media_failed. A trunk with a flow is taken at its
// word where its media is. An ACK waits 13.5 s at most, then it says c=0.0.0.0; before a BYE it refuses the media. Its answer
// is stored, and repeated with each repeated 200.
//
// Legs of different flows meet in the same way: an anchored caller hears our ring-back until the callee answers, then is shown
// the callee's address at once; a callee is shown a caller's address in its INVITE only if that caller's audio is not with us.
//
// An INVITE without a description does not offer 100rel: the answer to an offer in a reliable 183 would have to be in the
// PRACK, before there is one. What a phone offers there is narrowed to our codecs.
//
// Rejected: flow I of RFC 3725 (a caller's phone gives up 32 s after its 200), and III or IV as the default (some phones offer
// codecs then that the other lacks, or refuse a description without media).
//
// # Recording
//
// Where media.recordings names a folder, the two who talk can be recorded. Their audio comes back to us as for a hold, in one
// codec of ours that both have; where they use another they are asked for PCMA, and if one refuses, both keep theirs and the
// recording has failed. What each is sent of the other is written to <id>.wav, by package recording: while one waits, that is
// silence. Both hear a beep at the beginning and every 15 s, mixed into the speech, unless media.no_beep. When it has
// ended the phones talk directly again. It ends with the joining, a disk that is full, and a stop; not with our process: the
// next one goes on in the same file, and the gap is silence.
//
// The folder (0700) and its files (0600) are the administrator's. It should be a file system of its own: a full one ends
// recordings, a full one that has the database too ends calls. Nothing is read over the API, and nothing is
// removed after a time: both are for later.
//
// # After a restart
//
// Each event that changes what is needed carries a resume blob (resume.go). A leg that rang is cancelled with the stored
// branch (again, three times in all, if the CANCEL overtook the INVITE: 481, and the phone rings) and told as lost; one that talked directly just goes on; one that was forwarded takes its RTP ports again or is
// ended; an exchange that was not over is done anew.
//
// # Who watches a leg that talks
//
// Once two phones talk directly nothing of their audio passes here, so each leg is asked now and then (session.go,
// watch.go; one timer for each leg, no goroutine). With session timers (RFC 4028): we offer 1,800 s and take 90 s or more;
// who refreshes is what the phone chose, else we. Ours is an UPDATE without a description where the phone allows that,
// else an INVITE with the last description and its version unchanged. Without: OPTIONS inside the dialog, every 5 minutes.
//
//	481, 408 or no answer to what we sent            lost, BYE
//	no refresh of the phone's, 32 s before the end   lost, BYE
//	422 to our first INVITE                          sent again with the interval that the phone wants, once
//	any other answer                                 the phone lives; a refused refresh is tried again
//
// After a restart our refreshes go out within 30 s, and the phone's are waited for anew.
//
// # Known limits of the library
//
// The 487 of a cancelled INVITE is built by the library and carries a To tag of its own. Each datagram is handled by its
// own goroutine, so CSeq order is enforced for INVITE and UPDATE only. What its parser cannot read is dropped without an
// answer, also where RFC 4475 wants 400; testdata/torture says which. It keeps some 100 bytes for each UDP address and port
// that ever sent something, until the socket is closed. What is refused before anybody is known leaves no
// transaction behind.
package sip
