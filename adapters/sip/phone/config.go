package phone

import (
	"net"
	"net/netip"
	"time"

	"c2d/adapters/sip/sdp"
)

// Config says who a phone is and how it behaves.
type Config struct {
	AOR       string         // "sip:harry@house.example"
	Username  string         // for digest; empty is the user part of AOR
	Password  string         // empty answers no challenge
	Registrar netip.AddrPort // REGISTER and the INVITEs of Dial are sent here
	Listen    netip.AddrPort // SIP over UDP, port 0 is any; RTP has free ports of the same address
	Expires   time.Duration  // wanted of the registrar; 0 is 10 min
	ToneHz    int            // what it says; 0 is silence, which is sent as packets too
	Deaf      bool           // listens to nothing, so that many phones can talk on one machine
	Codecs    []sdp.Codec    // empty is sdp.DefaultCodecs

	Answer          Answer
	Forwards        bool          // says 181 before it rings: another phone is called in its place
	EarlyMedia      bool          // rings with 183, SDP and its tone in place of 180
	RefuseReinvites bool          // answers every re-INVITE with 488, and talks on
	ReinviteAfter   time.Duration // how long it takes to answer a re-INVITE; old sound goes on meanwhile
	Session         int           // seconds of the session timer that its answers ask for; it refreshes by Refresh. 0 is none

	Notify func(Event) // is told every event, in order; returns soon

	// Line is what the phone's SIP goes through, such as a bad network; nil is the socket itself.
	Line func(net.PacketConn) net.PacketConn
}

// Answer says what a phone does with a call. The zero value rings until Accept, Refuse or the caller's CANCEL: the
// phone on an empty desk.
type Answer struct {
	Status int           // 200 answers, 300 and above refuses; 0 decides nothing
	After  time.Duration // how long it rings before; a refusal after 0 s does not ring at all
	To     string        // of a 302: who shall be called in its place, "sip:mary@house.example"
}

// Auto answers after a while.
func Auto(after time.Duration) Answer { return Answer{Status: 200, After: after} }

// Busy is a phone that is in use: 486 without ringing.
func Busy() Answer { return Answer{Status: 486} }

// Reject rings and is then refused by its owner: 603.
func Reject(after time.Duration) Answer { return Answer{Status: 603, After: after} }

// Redirect is a phone whose owner has it send calls on: 302 without ringing.
func Redirect(to string) Answer { return Answer{Status: 302, To: to} }

// Never rings on.
func Never() Answer { return Answer{} }

func (a Answer) rings() bool { return a.Status < 300 || a.After > 0 }

func (c *Config) fill() {
	if c.Expires == 0 {
		c.Expires = 10 * time.Minute
	}
	if len(c.Codecs) == 0 {
		c.Codecs = sdp.DefaultCodecs()
	}
}
