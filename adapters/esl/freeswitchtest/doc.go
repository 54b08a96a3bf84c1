// Package freeswitchtest is a scripted FreeSWITCH for tests: its event socket, as FreeSWITCH 1.10.12 was seen to speak it, with
// phones that do as a test says. There is no SIP and no sound behind it, but an account of who is bridged to whom, which says who
// hears whom.
//
//	client -> cable.Cable -> event socket -> FreeSWITCH -> desk.Phone
//	client <- cable.Cable <- socket application <- FreeSWITCH <- desk.Phone, that dials by itself
//
// What bites in the real one bites here:
//
//   - Events come at the next poll, up to 20 ms late; replies to commands at once.
//   - An originate's job is +OK at the first sound, be it before the answer; a channel can be bridged from then on, and one that only
//     rings is killed by it, with the one that it is bridged to.
//   - What is ordered is queued: uuid_bridge and uuid_transfer answer before anything has happened.
//   - Who hangs up releases whom it is bridged to, unless that one has park_after_bridge; the first of two that uuid_bridge named needs
//     park_after_early_bridge for a second that had not answered. Both variables stay.
//   - A UUID that is in use is refused as if there were no room; a channel that is over may still be there for a moment.
//   - The list of channels lags behind.
//   - A phone that transfers is obeyed: by two calls of its own the second of them waits two seconds more, and while the third still
//     rings nothing is told of whom it has given away.
//   - Variables are taken apart in three passes, each of which eats quotes and escapes.
//
// What comes in either order from a real one comes in either order here, in turn. That it is true to the real one is shown by the
// suite of call behaviour, which both pass, and by dialogues that were recorded from the real one and are spoken with both: see testdata.
package freeswitchtest
