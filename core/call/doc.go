// Package call is the record of a call, the pure step that decides what happens next, the [Backend] port that phone
// systems implement, and the [Runner] that joins the three.
//
// # One call
//
// A call has two parties. A party has attempts, one after the other; an attempt has targets whose legs ring at once, and
// a target has ways, of which the next is tried only when it is proven that no phone rang. The first leg of a party
// that answers wins; the others end as answered_elsewhere.
//
//	queued -> ringing_caller -> [confirming ->] ringing_callee -> connecting -> connected -> ended
//
// Every state has an arrow to ended, and nothing leaves it. An ended call may have legs that are still being released,
// or a caller who still hears why the callee cannot be reached; the outcome is final already.
//
// # The step
//
// step(call, input, time) -> (call, actions). No clock, no id, no I/O. Rows that are not here change nothing: that is
// how late, repeated and reordered events are survived.
//
//	state           input                          next            actions
//	-               started                        ringing_caller  originate each target of the caller's first attempt
//	-               started, no place free         queued
//	-               started, leg offered           ringing_callee  look_up
//	-               found talking without a record connected
//	-               started, leg answered          ringing_callee  part, ring_back, look_up: it was handed over by another call
//	-               started, both legs answered    connecting      part both, join: they were handed over by two other calls
//	queued          admitted                       ringing_caller  originate
//	queued          5 s                            ended congestion
//	ringing_caller  leg ended, proven not rung     ringing_caller  originate the target's next way, if there is one
//	ringing_caller  last leg ended                 ended, its reason (or the next attempt: originate)
//	ringing_caller  ring limit                     ended no_answer, or unreachable if nothing rang; hang_up
//	ringing_caller  leg answered                   ringing_callee  hang_up the others; ring_back, look_up
//	ringing_caller  leg answered, must confirm     confirming      hang_up the others; ask_key
//	confirming      dtmf 1                         ringing_callee  ring_back, look_up
//	confirming      prompt_done                    confirming      ask_key again
//	confirming      20 s                           ended not_confirmed; hang_up
//	ringing_callee  looked up                      ringing_callee  originate each target
//	ringing_callee  looked up: barred, gone        ended; tell the caller why, then hang_up
//	ringing_callee  look-up silent for 5 s         ended congestion; tell, then hang_up
//	ringing_callee  leg ended, proven not rung     ringing_callee  originate the target's next way, if there is one
//	ringing_callee  last leg ended                 ended, its reason (or the next attempt); tell, then hang_up
//	ringing_callee  ring limit                     ended no_answer, or unreachable; hang_up; tell, then hang_up
//	ringing_callee  callee leg ringing             -               ring, if the caller's leg was offered
//	ringing_callee  callee leg answered            connecting      hang_up the others; quiet, join (offered: answer first)
//	connecting      joined                         connected
//	connecting      join_failed, or 10 s           ended media_failed; hang_up both
//	connected       leg ended                      ended completed; hang_up the other
//	connected       a leg was handed over          ended transferred; hang_up the other
//	connected       recording ordered, or its end  -               record, stop_record
//	connected       talk limit                     ended max_duration; hang_up both
//	any             caller or callee leg ended     ended cancelled (lost, backend_failed as told); hang_up the rest
//	any             hang-up ordered                ended cancelled (connected: completed); hang_up all
//	any             leg answered after its hang-up -               hang_up again (taken for lost: hang_up)
//	connecting      link back, not joined          connecting      join again
//	any             link lost                      flag unsure
//	any             link back, with a snapshot     unsure off; an older leg that is not in it has ended lost (intended: hang_up)
//	connected       restarted                      connected       record, stop_record again, if they may not have been sent
//	connecting      restarted                      connecting      part who is joined to another, join again
//	any other       restarted                      ended lost; hang_up all
//	not connected   the store refused              ended congestion; hang_up all
//	ended           prompt_done, or 6 s            ended           hang_up the caller
//	ended           40 s and legs not told ended   ended           they are recorded as lost
//
// # Order of work
//
// Step, release, write, act. What can make a phone ring or joins two people is durable before it is sent; what lets go
// (hang up, refuse, quiet, stop_record) is sent at once and recorded when the store takes it. An originate is sent once for a leg
// id, ever.
//
// Whatever else changes gathers for a few milliseconds, or until an act waits for the store, and is one write: two phones
// that tell their part of one thing, or an answer and the look-up that follows, cost one commit. That write waits for
// company in the store, some 50 ms: it goes with the next one of any call that is waited for. A reader sees such a change
// up to 70 ms late. The store has one write of
// a call at a time, and the mailbox goes on meanwhile; others are shown what is stored ([Runner.Get]). A hang-up does not
// wait for an act: what it was to do is not done.
//
// # The port in three technologies
//
//	operation   native SIP                           Asterisk ARI                              FreeSWITCH ESL
//	originate   INVITE, Call-ID = leg id             POST /channels?channelId=leg id           bgapi originate {origination_uuid=leg id}… &park
//	  callee    INVITE offering the caller's codecs  POST /channels/create, then /dial         the same; bridge_early_media by uuid_bridge
//	join        RTP forwarded, then re-INVITE both   POST /bridges, addChannel                 uuid_bridge
//	part        a re-INVITE back to our RTP          DELETE from the bridge                    uuid_park
//	ring_back   our RTP plays the country's tone     POST /channels/{id}/ring, or a tone       uuid_broadcast tone_stream://
//	tell        our RTP plays busy, congestion, SIT  POST /channels/{id}/play tone:busy        uuid_broadcast tone_stream://
//	ask_key     our RTP plays beeps                  POST /channels/{id}/play                  uuid_broadcast
//	record      our RTP writes a WAV file            POST /bridges/{id}/record                 uuid_record leg id, RECORD_STEREO
//	hang_up     CANCEL before the final, else BYE    DELETE /channels/{id}?reason_code=        uuid_kill leg id CAUSE
//	ring        180                                  POST /channels/{id}/ring                  uuid_ring_ready
//	answer      200 with our RTP                     POST /channels/{id}/answer                uuid_answer
//	refuse      a final status by reason             DELETE /channels/{id}?reason_code=        uuid_kill leg id CAUSE
//	give back   404                                  POST /channels/{id}/continue              uuid_transfer to the dialplan
//	snapshot    own table of dialogs                 GET /channels, by id prefix               show channels as json
//
//	event       native SIP                           Asterisk ARI                              FreeSWITCH ESL
//	offered     INVITE of a registered phone         StasisStart of a foreign channel          CHANNEL_CREATE on the outbound socket
//	trying      100                                  Dial, empty dialstatus                    CHANNEL_CREATE
//	ringing     180                                  ChannelStateChange Ringing, Dial RINGING  CHANNEL_PROGRESS
//	early media 183 with SDP                         Dial PROGRESS                             CHANNEL_PROGRESS_MEDIA
//	forwarded   181                                  Dial with forward, of a dialplan's 302     a transfer only
//	answered    200 to the INVITE, ACK sent          ChannelStateChange Up, StasisStart        CHANNEL_ANSWER
//	joined      both audio paths forwarded           ChannelEnteredBridge of the second        CHANNEL_BRIDGE
//	parted      -                                    ChannelLeftBridge                         CHANNEL_UNBRIDGE
//	dtmf        RFC 4733 events, INFO                ChannelDtmfReceived                       DTMF
//	prompt_done the tone's end                       PlaybackFinished                          PLAYBACK_STOP
//	recording   the file is open                     RecordingStarted                          RECORD_START
//	recorded    the file is closed                   RecordingFinished                         RECORD_STOP
//	record_f…   disk full, a phone stays away        RecordingFailed, or no file to fetch      -ERR of uuid_record
//	held        re-INVITE sendonly, inactive         ChannelHold                               CHANNEL_HOLD
//	ended       BYE, a final 3xx to 6xx, silence     ChannelDestroyed: cause and tech_cause    CHANNEL_HANGUP_COMPLETE
//	link lost   - (a transport's loss is per leg)    the websocket                             the socket, or no HEARTBEAT
//
// # Decisions
//
// A call is ended at the moment its outcome is known, not when the last phone confirmed its release: a client that
// hangs up gets the final record in the answer, and a phone that never confirms cannot hold the record open.
//
// A blind transfer ends one call and begins another, an attended one ends two and begins a third, each with its two parties:
// a record with three would fit no report, and no step. The beginning and the ends are one transaction (transfer.go).
// Rejected: to write the new call first and end the old ones after it, resolving at restart who owns a leg that is in two
// records. Which of them is right depends on how far the phone system had come, which no record tells.
//
// A recording belongs to two who talk: it ends when they part, by whatever, and a transfer does not carry it to somebody
// who was not asked. The record keeps its id, when, and who ordered it; the sound stays with the backend. Reading it
// over the API, and removing it after a time, are not here yet: the files are the administrator's.
//
// Failover between ways is the step's, not a backend's: the rule that no phone rings twice is then one rule, tested once.
//
// A call counts on each backend that it uses, from its first leg there until the two talk. Who is to ring first waits for a place;
// a leg that follows does not, since somebody listens to ring-back: it ends as congestion that rang nobody, and its next way is
// tried. Rejected: to take all places when the call is placed, which holds those of a trunk while the caller walks to his phone.
//
// Prepare is a call of its own so that what a backend will send is stored with the intent in one commit; a second
// commit between the look-up and the wire would cost the caller the wait.
package call
