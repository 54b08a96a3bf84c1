// Package asterisktest is a scripted Asterisk for tests: its REST interface and the events of its applications, as Asterisk 22
// was seen to do them, with phones that do as a test says. There is no SIP and no sound behind it, but an account of who is in
// which bridge, which says who hears whom.
//
//	client -> cable.Cable -> HTTP, websocket -> Asterisk -> desk.Phone
//
// It has the two ways to a phone: PJSIP/n, one channel; and Local/n@from-internal/n, whose far half runs through a dialplan that
// knows one thing, Dial(PJSIP/n), for every number of four digits and more. A number that a phone dials by itself is
// handed to the application c2d, as pbx-configs/asterisk does.
//
// That it is true to the real one is shown twice: both pass the suite of call behaviour, and [Dialogues] are spoken with both and
// compared with testdata, which was recorded from the real one.
//
// What comes in either order from a real one comes in either order here, in turn.
package asterisktest
